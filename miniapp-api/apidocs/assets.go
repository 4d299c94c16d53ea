package apidocs

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/swaggest/swgui/v5/static"
)

// A file is an asset. gzipped is nil if it is not stored compressed.
type file struct{ plain, gzipped []byte }

// assets are the files that the pages load. The version in their addresses is a digest of
// all of them, so that browsers can cache them without expiry.
type assets struct {
	files   map[string]file
	version string
}

// readAssets reads the files that docs.html loads: of Swagger UI the bundle without the
// top bar, the style sheet and the icon.
func readAssets() (assets, error) {
	a := assets{files: make(map[string]file)}
	sum := sha256.New()
	for _, source := range []struct {
		fs   fs.FS
		name string
	}{
		{own, "docs.css"}, {own, "docs.js"},
		{static.FS, "favicon-32x32.png"}, {static.FS, "swagger-ui.css.gz"}, {static.FS, "swagger-ui-bundle.js.gz"},
	} {
		content, err := fs.ReadFile(source.fs, source.name)
		if err != nil {
			return assets{}, fmt.Errorf("apidocs: %w", err)
		}
		f := file{plain: content}
		name, compressed := strings.CutSuffix(source.name, ".gz")
		if compressed {
			if f.plain, err = unzip(content); err != nil {
				return assets{}, fmt.Errorf("apidocs: %s: %w", source.name, err)
			}
			f.gzipped = content
		}
		a.files[name] = f
		sum.Write(f.plain)
	}
	a.version = hex.EncodeToString(sum.Sum(nil)[:8])
	return a, nil
}

func unzip(content []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// ServeHTTP serves the asset with the name in the address.
func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	f, known := a.files[name]
	if !known {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Type", types[path.Ext(name)])
	h.Set("ETag", `W/"`+a.version+`"`) // weak, because it is the same for both encodings
	h.Set("Vary", "Accept-Encoding")
	content := f.plain
	if f.gzipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		content = f.gzipped
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}

var types = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".png": "image/png",
}
