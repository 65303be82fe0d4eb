package main
import ("testing";"context";"fmt";"slices";"math/rand/v2";"github.com/detinstall/detinstall/solve")
func TestOrderMatters(t *testing.T) {
	for _, s := range []string{"bookworm","trixie","sid"} {
	c := comparison{suite: s, arch: "amd64", policy: "apt-classic"}
	c.solver, _ = solve.Policies("apt-classic")
	if err := c.apt.open("/tmp/cs/cmp", s, "amd64"); err != nil { t.Fatal(err) }
	u, err := universe(context.Background(), &c.apt)
	if err != nil { t.Fatal(err) }
	c.u = u
	names := slices.Collect(u.Names())
	for _, k := range []int{5, 30} {
	diff, n := 0, 600
	for _, req := range draw(rand.New(rand.NewPCG(77, 0)), names, n, k) {
		a, e1 := c.ours(req)
		slices.Sort(req)
		b, e2 := c.ours(req)
		if (e1 == nil) != (e2 == nil) || !slices.Equal(a, b) { diff++ }
	}
	fmt.Println(s, k, "order matters in", diff, "of", n)
	}}
}
