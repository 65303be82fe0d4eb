package solve

import "errors"

func (s *apkSolver) explain() error { return errors.New("todo") }
