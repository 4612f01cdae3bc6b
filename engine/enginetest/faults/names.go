package faults

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Names lists the defects that are planted in the Go code below root, sorted. A name that is no literal, or is used at two places, is
// an error: what is noticed at one of them would hide the other.
func Names(root string) ([]string, error) {
	places := map[string]token.Position{}
	files := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != root || d.Name() == "testdata" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		return collect(f, files, places)
	})
	if err != nil {
		return nil, err
	}
	var names []string
	for n := range places {
		names = append(names, n)
	}
	slices.Sort(names)
	return names, nil
}

// Online tells whether a defect shows only where a stream is read and a server is asked. Its room says so.
func Online(name string) bool {
	room, _, _ := strings.Cut(name, ":")
	return slices.Contains([]string{"online", "serve", "stream", "upload"}, room)
}

func collect(f *ast.File, files *token.FileSet, places map[string]token.Position) (err error) {
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || err != nil {
			return err == nil
		}
		fun, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || fun.Sel.Name != "Planted" {
			return true
		}
		if pkg, ok := fun.X.(*ast.Ident); !ok || pkg.Name != "fault" {
			return true
		}
		at := files.Position(call.Pos())
		literal, ok := call.Args[0].(*ast.BasicLit)
		if !ok {
			err = fmt.Errorf("%s: the name of a planted defect is no literal", at)
			return false
		}
		name, e := strconv.Unquote(literal.Value)
		if e != nil {
			err = e
			return false
		}
		if first, twice := places[name]; twice {
			err = fmt.Errorf("%s: %q is planted at %s too", at, name, first)
			return false
		}
		places[name] = at
		return true
	})
	return err
}
