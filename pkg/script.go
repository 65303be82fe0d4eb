package pkg

import (
	"errors"
	"io/fs"
	"path"
	"strings"
)

// ReadScripts returns the scripts among the control members of a package, in the order of phases, which are the names of
// their members.
func ReadScripts(control fs.FS, phases []string) ([]Script, error) {
	var scripts []Script
	for _, phase := range phases {
		b, err := fs.ReadFile(control, phase)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		scripts = append(scripts, Script{Phase: Phase(phase), Interpreter: interpreter(b), Body: b})
	}
	return scripts, nil
}

// interpreter returns the program of a script's "#!" line, without its arguments; for env the program that it would
// start, as far as the line names it: behind an option or an assignment it is not looked for. It is empty where there is no
// such line.
func interpreter(script []byte) string {
	line, _, _ := strings.Cut(string(script[:min(len(script), 256)]), "\n")
	line, ok := strings.CutPrefix(line, "#!")
	words := strings.Fields(line)
	if !ok || len(words) == 0 {
		return ""
	}
	if path.Base(words[0]) == "env" && len(words) > 1 && !strings.HasPrefix(words[1], "-") && !strings.Contains(words[1], "=") {
		return words[1]
	}
	return words[0]
}
