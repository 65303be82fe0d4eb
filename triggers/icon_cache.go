package triggers

import (
	"fmt"
	"strings"

	"github.com/detinstall/detinstall/internal/iconcache"
	"github.com/detinstall/detinstall/triggers/hooks"
)

// iconCache is gtk-update-icon-cache(1).
func iconCache() Trigger {
	return Trigger{
		Name: "icon-cache",
		Doc: "gtk-update-icon-cache lists the icons of a theme. The same cache, byte for byte, of the themes that scripts call it for, " +
			"once all packages are there. A theme without icons, or with a name that the program refuses, gets none.",
		// Icons are links to what programs have elsewhere, and to alternatives.
		Reads:  []string{"usr/**", "opt/**", "etc/**"},
		Duties: []hooks.Kind{hooks.IconCache},
		Run:    makeIconCaches,
	}
}

func makeIconCaches(in Input) ([]Change, error) {
	themes := map[string][]hooks.Duty{}
	for _, d := range in.Duties {
		theme := strings.Trim(arg(d, 0), "/")
		themes[theme] = append(themes[theme], d)
	}
	var out []Change
	for _, theme := range sortedKeys(themes) {
		body, err := iconcache.Make(in.FS, theme)
		if err != nil {
			return nil, fmt.Errorf("/%s: %w", theme, err)
		}
		if body != nil {
			out = append(out, because(themes[theme], file(theme+"/icon-theme.cache", 0o644, body))...)
		}
	}
	return out, nil
}
