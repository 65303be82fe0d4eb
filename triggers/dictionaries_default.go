package triggers

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/deb"
)

// dictLanguages says which package has the dictionary of a language, without the letter of its class; what follows "->" picks one of several.
// The order is that in which dictionaries-common looks for a default where no language is set: English first, American before others.
var dictLanguages = []string{
	"american", "miscfiles", "british", "canadian", "american", "british", // en_US, en_US:1, en_AU, en_CA, en_CA:1, en_GB
	"bulgarian", "catalan", "czech", "danish", "ngerman", "ogerman", "swiss", "esperanto", "spanish", "finnish", "faroese", "french", "irish",
	"gaelic", "galician-minimos", "manx", "hungarian", "italian", "lithuanian", "norwegian->bokma", "dutch", "norwegian->nynorsk", "polish",
	"portuguese", "brazilian", "russian", "swedish", "tagalog", "ukrainian",
}

// dictSizes are the endings of names of packages that have the same words, in order of preference.
var dictSizes = []string{"", "-insane", "-huge", "-large", "-medium", "-small", "-gut"}

// dictDefault returns the name of the default dictionary of a class, "ispell" or "wordlist"; "" where there is none. The scripts of the class'
// packages choose it as dpkg configures them, the first among those that are known by then: all before dictionaries-common itself, or the first
// after it.
func (in Input) dictDefault(class string, dicts map[string]record) string {
	names := recordNames(dicts)
	if len(names) == 0 {
		return ""
	}
	offers := in.dictOffers(class)
	known, asked := map[string]string{}, false
	for _, i := range in.configured() {
		name := in.Packages[i].Package.Name
		list, member := offers[name]
		if member {
			known[name] = list
		}
		asked = asked || name == "dictionaries-common"
		if best := dictGuess(class, known); asked && dicts[best] != nil {
			return best
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return names[0]
}

// configured returns the indexes of the packages in the order in which dpkg configures them.
func (in Input) configured() []int {
	ps := make([]*pkg.Package, len(in.Packages))
	for i, p := range in.Packages {
		ps[i] = p.Package
	}
	return deb.ConfigureOrder(ps)
}

// dictGuess returns the first dictionary of the package of the first language in the list; "" if none is offered.
func dictGuess(class string, offered map[string]string) string {
	for _, l := range dictLanguages {
		name, variant, _ := strings.Cut(l, "->")
		for _, size := range dictSizes {
			p := class[:1] + name + size
			if name == "miscfiles" {
				p = name + size
			}
			if list, ok := offered[p]; ok {
				if best := dictBest(list, variant); best != "" {
					return best
				}
				break
			}
		}
	}
	return ""
}

// dictBest returns the first of a list of names by the alphabet, those for TeX last.
func dictBest(list, variant string) string {
	names := commaSpace.Split(strings.TrimSpace(list), -1)
	names = slices.DeleteFunc(names, func(n string) bool {
		return variant != "" && !strings.Contains(strings.ToLower(n), variant)
	})
	slices.SortFunc(names, func(a, b string) int {
		at, bt := strings.Contains(strings.ToLower(a), "tex"), strings.Contains(strings.ToLower(b), "tex")
		switch {
		case at != bt && bt:
			return -1
		case at != bt:
			return 1
		}
		return strings.Compare(a, b)
	})
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// dictOffers returns what packages of a class say in debconf's templates of the dictionaries that they have.
func (in Input) dictOffers(class string) map[string]string {
	out := map[string]string{}
	for _, p := range in.Packages {
		b, err := fs.ReadFile(p.Control, "templates")
		if err != nil {
			continue
		}
		defaults, member, template := map[string]string{}, false, ""
		for l := range strings.Lines(string(b)) {
			field, v, _ := strings.Cut(strings.TrimSpace(l), ": ")
			switch field {
			case "Template":
				template = v
				member = member || v == "shared/packages-"+class
			case "Default":
				defaults[template] = v
			}
		}
		name := p.Package.Name
		languages, ok := defaults[name+"/languages"]
		if best, preferred := defaults[name+"/defaults"]; preferred {
			languages = best
		}
		if member && ok {
			out[name] = languages
		}
	}
	return out
}

// dictLinks returns the default of a class where programs look for it.
func (in Input) dictLinks(class, value string, dicts map[string]record) []Change {
	if value == "" {
		return nil
	}
	lib, name, suffixes := "usr/lib/ispell", "default", []string{".hash", ".aff"}
	if class == "wordlist" {
		lib, name, suffixes = "usr/share/dict", "words", []string{""}
	}
	out := []Change{file(dictCache+"/"+class+"-default", 0o644, []byte(value))}
	if class == "ispell" {
		out = append(out, link(dictEtc+"/ispell-default", "/"+dictCache+"/ispell-default"))
	}
	for _, s := range suffixes {
		out = append(out, link(lib+"/"+name+s, "/"+dictEtc+"/"+name+s), link(dictEtc+"/"+name+s, "/"+lib+"/"+dicts[value]["hash-name"]+s))
	}
	return out
}
