package main

import (
	"encoding/json"
	"fmt"

	"github.com/argoproj/gitops-engine/pkg/diff"
	"github.com/itchyny/gojq"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type diffQuestion struct {
	Git  *unstructured.Unstructured `json:"git"`
	Live *unstructured.Unstructured `json:"live"`
	// As in spec.ignoreDifferences of an Application.
	JqPathExpressions []string `json:"jqPathExpressions"`
}

func readDiffQuestion(question json.RawMessage) (diffQuestion, jqNormalizer, error) {
	var asked diffQuestion
	if err := json.Unmarshal(question, &asked); err != nil {
		return asked, nil, err
	}
	ignored := jqNormalizer{}
	for _, expression := range asked.JqPathExpressions {
		query, err := gojq.Parse("del(" + expression + ")")
		if err != nil {
			return asked, nil, err
		}
		ignored = append(ignored, query)
	}
	return asked, ignored, nil
}

// The question is an object as it is in git and in the cluster; the answer is whether Argo CD takes that for a
// difference, which is what makes it heal.
func answerDiffArgocd(question json.RawMessage) (any, error) {
	asked, ignored, err := readDiffQuestion(question)
	if err != nil {
		return nil, err
	}
	result, err := diff.Diff(asked.Git, asked.Live, diff.WithNormalizer(ignored))
	if err != nil {
		return nil, err
	}
	return map[string]bool{"outOfSync": result.Modified}, nil
}

// The question is the same; the answer is what Argo CD applies in a sync with RespectIgnoreDifferences: git's object without
// the ignored paths, and on that, as a JSON merge patch, what the same paths take from the live one. Such a patch knows lists
// only as wholes. The step is Argo CD's own and not in its library; this one answers as normalizeTargetResources of Argo CD
// 3.2 (controller/sync.go) does for kinds that are not built in.
func answerTargetArgocd(question json.RawMessage) (any, error) {
	asked, ignored, err := readDiffQuestion(question)
	if err != nil {
		return nil, err
	}
	bareGit, err := withoutIgnored(asked.Git, ignored)
	if err != nil {
		return nil, err
	}
	bareLive, err := withoutIgnored(asked.Live, ignored)
	if err != nil {
		return nil, err
	}
	live, err := asked.Live.MarshalJSON()
	if err != nil {
		return nil, err
	}
	kept, err := jsonpatch.CreateMergePatch(bareLive, live)
	if err != nil {
		return nil, err
	}
	target, err := jsonpatch.MergePatch(bareGit, kept)
	return map[string]json.RawMessage{"target": target}, err
}

func withoutIgnored(object *unstructured.Unstructured, ignored jqNormalizer) ([]byte, error) {
	bare := object.DeepCopy()
	if err := ignored.Normalize(bare); err != nil {
		return nil, err
	}
	return bare.MarshalJSON()
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
