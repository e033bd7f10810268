package main

import (
	"encoding/json"
	"fmt"

	"github.com/argoproj/gitops-engine/pkg/diff"
	"github.com/itchyny/gojq"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type diffQuestion struct {
	Git  *unstructured.Unstructured `json:"git"`
	Live *unstructured.Unstructured `json:"live"`
	// As in spec.ignoreDifferences of an Application.
	JqPathExpressions []string `json:"jqPathExpressions"`
}

// The question is an object as it is in git and in the cluster; the answer is whether Argo CD takes that for a
// difference, which is what makes it heal.
func answerDiffArgocd(question json.RawMessage) (any, error) {
	var asked diffQuestion
	if err := json.Unmarshal(question, &asked); err != nil {
		return nil, err
	}
	ignored := jqNormalizer{}
	for _, expression := range asked.JqPathExpressions {
		query, err := gojq.Parse("del(" + expression + ")")
		if err != nil {
			return nil, err
		}
		ignored = append(ignored, query)
	}
	result, err := diff.Diff(asked.Git, asked.Live, diff.WithNormalizer(ignored))
	if err != nil {
		return nil, err
	}
	return map[string]bool{"outOfSync": result.Modified}, nil
}

// What is ignored is taken out on both sides before they are compared.
type jqNormalizer []*gojq.Query

func (n jqNormalizer) Normalize(object *unstructured.Unstructured) error {
	if object == nil {
		return nil
	}
	for _, query := range n {
		value, some := query.Run(jsonCopy(object.Object)).Next()
		if !some {
			return fmt.Errorf("%s gives nothing", query)
		}
		if err, failed := value.(error); failed {
			return err
		}
		left, isObject := value.(map[string]any)
		if !isObject {
			return fmt.Errorf("%s leaves no object", query)
		}
		object.Object = left
	}
	return nil
}

// jq knows no int64.
func jsonCopy(object map[string]any) any {
	var copied any
	text, err := json.Marshal(object)
	if err == nil {
		err = json.Unmarshal(text, &copied)
	}
	if err != nil {
		return err
	}
	return copied
}
