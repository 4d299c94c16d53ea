package apidocs

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/swaggest/swgui/v5/static"
)

// types are the content types of the assets by extension.
var types = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".png": "image/png",
}

// readAssets returns the files that the pages load, by name. Of Swagger UI docs.html uses the
// bundle without the top bar.
func readAssets() (map[string][]byte, error) {
	files := make(map[string][]byte)
	for _, source := range []struct {
		fs   fs.FS
		name string
	}{
		{own, "docs.css"}, {own, "docs.js"},
		{static.FS, "favicon-32x32.png"}, {static.FS, "swagger-ui.css.gz"}, {static.FS, "swagger-ui-bundle.js.gz"},
	} {
		content, err := fs.ReadFile(source.fs, source.name)
		name, compressed := strings.CutSuffix(source.name, ".gz")
		if err == nil && compressed {
			content, err = unzip(content)
		}
		if err != nil {
			return nil, fmt.Errorf("apidocs: %s: %w", source.name, err)
		}
		files[name] = content
	}
	return files, nil
}

func unzip(content []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
