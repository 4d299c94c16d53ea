package apiclient

import (
	"net/http"
	"strings"
	"testing"
)

func TestInProcess(t *testing.T) {
	t.Parallel()
	client := &http.Client{Transport: InProcess{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Path", r.URL.Path)
		w.WriteHeader(http.StatusTeapot)
		r.Write(w)
	})}}
	resp, err := client.Post("http://demo/tea", "text/plain", strings.NewReader("earl grey"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusTeapot || resp.Header.Get("X-Path") != "/tea" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	if resp, err = client.Get("http://demo/"); err != nil || resp.StatusCode != http.StatusTeapot {
		t.Errorf("GET: %v %v", resp, err)
	}
}
