package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling"
	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/jsondiff"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Longer than an API server takes that is busy with other tests.
const applyLimit = 30 * time.Second

type fluxQuestion struct {
	Kubeconfig string                    `json:"kubeconfig"`
	Object     unstructured.Unstructured `json:"object"`
	// JSON pointers, as in spec.ignore of a Kustomization.
	Ignore []string `json:"ignore"`
	// As spec.timeout of a Kustomization.
	TimeoutSeconds int `json:"timeoutSeconds"`
}

func fluxFor(question json.RawMessage) (fluxQuestion, *ssa.ResourceManager, error) {
	var asked fluxQuestion
	if err := json.Unmarshal(question, &asked); err != nil {
		return asked, nil, err
	}
	config, err := clientcmd.BuildConfigFromFlags("", asked.Kubeconfig)
	if err != nil {
		return asked, nil, err
	}
	// A deadline that ends the wait for a turn would be told as such, not as what was waited for.
	config.QPS = -1
	api, err := client.New(config, client.Options{})
	if err != nil {
		return asked, nil, err
	}
	poller := polling.NewStatusPoller(api, api.RESTMapper(), polling.Options{})
	// What kustomize-controller calls itself.
	owner := ssa.Owner{Field: "kustomize-controller", Group: "kustomize.toolkit.fluxcd.io"}
	return asked, ssa.NewResourceManager(api, poller, owner), nil
}

// The question is an object of git's; the answer is what Flux has done about it in the cluster.
func answerApplyFlux(question json.RawMessage) (any, error) {
	asked, flux, err := fluxFor(question)
	if err != nil {
		return nil, err
	}
	options := ssa.DefaultApplyOptions()
	if len(asked.Ignore) > 0 {
		options.DriftIgnoreRules = []jsondiff.IgnoreRule{{Paths: asked.Ignore}}
	}
	ctx, cancel := context.WithTimeout(context.Background(), applyLimit)
	defer cancel()
	change, err := flux.Apply(ctx, &asked.Object, options)
	if err != nil {
		return nil, err
	}
	return map[string]string{"action": change.Action.String()}, nil
}

// The question is an object that Flux waits for with spec.wait; the answer is how the waiting ends.
func answerWaitFlux(question json.RawMessage) (any, error) {
	asked, flux, err := fluxFor(question)
	if err != nil {
		return nil, err
	}
	// kustomize-controller fails fast unless it is told not to; it looks more rarely, every five seconds.
	err = flux.Wait([]*unstructured.Unstructured{&asked.Object}, ssa.WaitOptions{
		Interval: 100 * time.Millisecond,
		Timeout:  time.Duration(asked.TimeoutSeconds) * time.Second,
		FailFast: true,
	})
	if err != nil {
		return map[string]string{"failed": err.Error()}, nil
	}
	return map[string]string{}, nil
}
