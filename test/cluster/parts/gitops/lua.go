package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// Argo CD gives a script this long.
const scriptLimit = time.Second

type luaQuestion struct {
	Script string `json:"script"`
	Object any    `json:"obj"`
}

// The question is a script and the object that it finds as `obj`; the answer is what the script returns.
func answerLua(question json.RawMessage) (any, error) {
	var asked luaQuestion
	if err := json.Unmarshal(question, &asked); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), scriptLimit)
	defer cancel()
	state, err := newLuaState(ctx)
	if err != nil {
		return nil, err
	}
	defer state.Close()
	state.SetGlobal("obj", toLua(state, asked.Object))
	if err := state.DoString(asked.Script); err != nil {
		return nil, err
	}
	if state.GetTop() == 0 {
		return nil, errors.New("the script returns nothing")
	}
	returned, err := fromLua(state.Get(-1), asked.Object)
	if err != nil {
		return nil, err
	}
	return map[string]any{"returned": returned}, nil
}

// newLuaState opens what Argo CD opens where nothing else is asked for: no string, no math, and of os the clock alone.
func newLuaState(ctx context.Context) (*lua.LState, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	state.SetContext(ctx)
	libraries := []struct {
		name string
		open lua.LGFunction
	}{
		{lua.LoadLibName, lua.OpenPackage},
		{lua.BaseLibName, lua.OpenBase},
		{lua.TabLibName, lua.OpenTable},
		{lua.OsLibName, lua.OpenOs},
	}
	for _, library := range libraries {
		err := state.CallByParam(lua.P{Fn: state.NewFunction(library.open), Protect: true}, lua.LString(library.name))
		if err != nil {
			state.Close()
			return nil, err
		}
	}
	clock, _ := state.GetGlobal(lua.OsLibName).(*lua.LTable)
	var unsafe []lua.LValue
	clock.ForEach(func(name, _ lua.LValue) {
		if name != lua.LString("time") && name != lua.LString("date") {
			unsafe = append(unsafe, name)
		}
	})
	for _, name := range unsafe {
		clock.RawSet(name, lua.LNil)
	}
	return state, nil
}

func toLua(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case bool:
		return lua.LBool(value)
	case float64:
		return lua.LNumber(value)
	case string:
		return lua.LString(value)
	case []any:
		table := state.NewTable()
		for _, item := range value {
			table.Append(toLua(state, item))
		}
		return table
	case map[string]any:
		table := state.NewTable()
		for key, item := range value {
			table.RawSetString(key, toLua(state, item))
		}
		return table
	default:
		return lua.LNil
	}
}

// fromLua makes a list of a table with a first entry and an object of every other. An empty one is what `before` is at
// the same place, as in Argo CD: Lua itself cannot tell.
func fromLua(value lua.LValue, before any) (any, error) {
	switch value := value.(type) {
	case *lua.LNilType:
		return nil, nil
	case lua.LBool:
		return bool(value), nil
	case lua.LNumber:
		return float64(value), nil
	case lua.LString:
		return string(value), nil
	case *lua.LTable:
		return fromTable(value, before)
	default:
		return nil, fmt.Errorf("a %s has no form in JSON", value.Type())
	}
}

func fromTable(table *lua.LTable, before any) (any, error) {
	listBefore, wasList := before.([]any)
	objectBefore, _ := before.(map[string]any)
	list, object := []any{}, map[string]any{}
	var failed error
	table.ForEach(func(key, item lua.LValue) {
		_, ordered := key.(lua.LNumber)
		var place any
		if ordered && len(list) < len(listBefore) {
			place = listBefore[len(list)]
		} else if !ordered {
			place = objectBefore[lua.LVAsString(key)]
		}
		said, err := fromLua(item, place)
		if err != nil && failed == nil {
			failed = err
		}
		if ordered {
			list = append(list, said)
		} else {
			object[lua.LVAsString(key)] = said
		}
	})
	if len(list) > 0 && len(object) > 0 {
		return nil, errors.New("a table is a list or an object, not both")
	}
	if len(list) > 0 || (wasList && len(object) == 0) {
		return list, failed
	}
	return object, failed
}
