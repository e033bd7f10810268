// Command gitops-check asks the libraries of GitOps tools what they make of Kubernetes objects.
//
// Every sub-command reads JSON values from standard input, a question each, and writes a line of JSON for each of them,
// in the same order. A question that cannot be answered is answered with {"error": …}.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// Set by the build: the version of kstatus.
var version = "unknown"

// An answer to one question, which is raw JSON.
type answerer func(question json.RawMessage) (any, error)

var commands = map[string]answerer{
	"apply-flux":    answerApplyFlux,
	"diff-argocd":   answerDiffArgocd,
	"kstatus":       answerKstatus,
	"lua":           answerLua,
	"target-argocd": answerTargetArgocd,
	"wait-flux":     answerWaitFlux,
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gitops-check:", err)
		os.Exit(2)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("give one of: apply-flux, diff-argocd, kstatus, lua, target-argocd, wait-flux, version")
	}
	if args[0] == "version" {
		_, err := fmt.Fprintln(out, "gitops-check, kstatus "+version)
		return err
	}
	answer, known := commands[args[0]]
	if !known {
		return fmt.Errorf("there is no sub-command %q", args[0])
	}
	questions, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var question json.RawMessage
		if err := questions.Decode(&question); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("standard input: %w", err)
		}
		said, err := answer(question)
		if err != nil {
			said = map[string]string{"error": err.Error()}
		}
		if err := answers.Encode(said); err != nil {
			return err
		}
	}
}
