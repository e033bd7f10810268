package main

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

// The question is an object; the answer is what kstatus computes for it.
func answerKstatus(question json.RawMessage) (any, error) {
	var object unstructured.Unstructured
	if err := object.UnmarshalJSON(question); err != nil {
		return nil, err
	}
	result, err := status.Compute(&object)
	if err != nil {
		return nil, err
	}
	return map[string]string{"status": result.Status.String(), "message": result.Message}, nil
}
