// Command speed runs commands in turn and prints medians and ratios. It reads
// from stdin one command per line: NAME<TAB>PREPARE<TAB>COMMAND, both run by
// sh; only COMMAND is measured. The first command is the peer that the others
// are divided by. Usage: speed [-n 5] <commands
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

type contender struct {
	name, prepare, command string
	wall, cpu              []time.Duration
	peak                   int64 // KiB
}

func main() {
	n := flag.Int("n", 5, "runs of each command")
	flag.Parse()
	cs, err := read(os.Stdin)
	for i := 0; i < *n && err == nil; i++ {
		for _, c := range cs { // in turn, so that a slow minute hurts all of them
			if err = c.run(); err != nil {
				break
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "speed:", err)
		os.Exit(1)
	}
	base := median(cs[0].wall)
	fmt.Printf("%-34s %9s %9s %9s %8s\n", "", "wall s", "cpu s", "peak MB", "ratio")
	for _, c := range cs {
		w := median(c.wall)
		fmt.Printf("%-34s %9.3f %9.3f %9.1f %8.3f\n", c.name, w.Seconds(), median(c.cpu).Seconds(), float64(c.peak)/1024, w.Seconds()/base.Seconds())
	}
}

func read(r io.Reader) ([]*contender, error) {
	var cs []*contender
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		f := strings.Split(sc.Text(), "\t")
		if len(f) != 3 {
			return nil, fmt.Errorf("line %q: want three fields", sc.Text())
		}
		cs = append(cs, &contender{name: f[0], prepare: f[1], command: f[2]})
	}
	if len(cs) == 0 {
		return nil, errors.New("no commands")
	}
	return cs, sc.Err()
}

func (c *contender) run() error {
	if c.prepare != "" {
		if out, err := exec.Command("sh", "-c", c.prepare).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: prepare: %w\n%s", c.name, err, out)
		}
	}
	cmd := exec.Command("sh", "-c", c.command)
	start := time.Now()
	out, err := cmd.CombinedOutput()
	wall := time.Since(start)
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", c.name, err, out)
	}
	c.wall = append(c.wall, wall)
	c.cpu = append(c.cpu, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	c.peak = max(c.peak, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
	return nil
}

func median(d []time.Duration) time.Duration {
	d = slices.Clone(d)
	slices.Sort(d)
	return d[len(d)/2]
}
