package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Process is a program that runs beside the tests; what it says goes to a file of the run's folder.
type Process struct {
	Name    string
	LogFile string
	command *exec.Cmd
	ended   chan struct{} // closed once it has been waited for
}

// StartProcess runs a program. Its output is appended to NAME.log in folder.
func StartProcess(name, folder string, argv, environment []string) (*Process, error) {
	file := filepath.Join(folder, name+".log")
	log, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	command := exec.Command(argv[0], argv[1:]...)
	command.Stdout, command.Stderr = log, log
	command.Dir = folder
	command.Env = append(os.Environ(), environment...)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p := &Process{Name: name, LogFile: file, command: command, ended: make(chan struct{})}
	go func() {
		_ = command.Wait()
		close(p.ended)
	}()
	return p, nil
}

// Pid is the process's number.
func (p *Process) Pid() int { return p.command.Process.Pid }

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// ExitCode is the code it ended with, -1 after a signal. Only after Ended.
func (p *Process) ExitCode() int { return p.command.ProcessState.ExitCode() }

// Signal sends a signal to the process and those that it started.
func (p *Process) Signal(signal syscall.Signal) {
	select {
	case <-p.ended: // its number may be another's by now
	default:
		_ = syscall.Kill(-p.Pid(), signal)
	}
}

// Stop sends SIGTERM, and SIGKILL to what has not ended within patience.
func (p *Process) Stop(patience time.Duration) {
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.Kill()
	}
}

// Kill ends it without a chance to say good-bye.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.ended
}

// Tail is the end of what the process has said, for messages about failures.
func (p *Process) Tail(lines int) string {
	text, err := os.ReadFile(p.LogFile)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return fmt.Sprintf("--- the end of %s.log:\n%s\n---", p.Name, strings.Join(all, "\n"))
}
