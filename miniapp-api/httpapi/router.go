package httpapi

import (
	"cmp"
	"crypto/rand"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// A Backend is one centre's handler on one address of a process that serves several centres.
type Backend struct {
	Center string
	Hosts  []string // in lower case, with the port or for every port
	Path   string   // prefix of the centre's paths, such as /hangzhou, which its handler does not see; "" = none
	Key    string   // as RouterConfig.Key finds it in a request; "" = none

	Handler http.Handler
	Active  *Active // counts the requests of the centre, on all addresses
}

// A RouterConfig configures a Router. All fields may be zero.
type RouterConfig struct {
	Address string // label of its metric, such as public

	// Key returns what a request of another system says of its receiver, or "". It chooses no
	// more than the centre whose keys then verify the request.
	Key func(*http.Request) string

	// ByHostOnly makes the host alone choose the centre, for pages, whose cookies belong to it.
	ByHostOnly bool

	Health  http.Handler // /healthz and /readyz of the process
	Unknown http.Handler // the reply to a request of no centre; nil = CENTER_UNKNOWN
	Log     *slog.Logger
}

// A Router hands each request to its centre's handler. The centre follows from the host, else
// from the first part of the path, else from the Key, else from the session's token. A request
// whose token or key belongs to another centre is thus refused by the first one like any other
// unknown token or wrong signature. The centres can be replaced while requests are served.
type Router struct {
	config  RouterConfig
	words   map[string]Presentation
	log     *slog.Logger
	table   atomic.Pointer[routes]
	unknown prometheus.Counter
}

// NewRouter returns a Router without centres.
func NewRouter(c RouterConfig) *Router {
	r := &Router{config: c, words: presentationsOf(Words{}), log: cmp.Or(c.Log, slog.New(slog.DiscardHandler)),
		unknown: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "fundpass_center_unknown_total", Help: "Requests that named no centre of this process, by listen address.",
			ConstLabels: prometheus.Labels{"address": c.Address},
		})}
	r.Replace(nil)
	return r
}

// Replace replaces the centres. Requests that are being answered go on.
func (r *Router) Replace(all []*Backend) { r.table.Store(newRoutes(all)) }

// ServeHTTP implements http.Handler. A centre that was replaced between the choice and the call
// refuses the request, which is then one of its successor.
func (r *Router) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	for {
		b, own := r.find(req)
		switch {
		case b == nil && r.config.Health != nil && (req.URL.Path == "/healthz" || req.URL.Path == "/readyz"):
			r.config.Health.ServeHTTP(w, req)
			return
		case b == nil && r.config.Unknown != nil:
			r.unknown.Inc()
			r.config.Unknown.ServeHTTP(w, req)
			return
		case b == nil:
			r.unknown.Inc()
			r.refuse(w, req)
			return
		case b.Active.serve(b.Handler, w, own):
			return
		}
	}
}

// refuse replies CENTER_UNKNOWN. It logs nothing, because any scanner causes it.
func (r *Router) refuse(w http.ResponseWriter, req *http.Request) {
	id := rand.Text()[:16]
	p := r.words[errCenterUnknown.Code].problem(errCenterUnknown, id)
	reply(w, req, id, p.Status, p)
}

// Envelopes is Server.Envelopes for the address of several centres.
func (r *Router) Envelopes(l net.Listener) net.Listener {
	return envelopeListener{l, func() []byte {
		return refusal(r.words[selfservice.ErrBadRequest.Code], r.log)
	}}
}

// find returns the centre of a request, or nil, and the request as the centre's handler sees it.
func (r *Router) find(req *http.Request) (*Backend, *http.Request) {
	t := r.table.Load()
	if own := t.ofHost(req.Host); len(own) > 0 {
		for _, b := range own {
			if inside, ok := within(req, b.Path); ok {
				return b, inside
			}
		}
		if len(own) > 1 { // the path chooses among them
			return nil, req
		}
		return own[0], req
	}
	if r.config.ByHostOnly {
		return nil, req
	}
	for i, c := range req.URL.Path {
		if c != '/' {
			continue
		}
		if b := t.byPath[req.URL.Path[:i]]; b != nil {
			if inside, ok := within(req, b.Path); ok {
				return b, inside
			}
		}
	}
	if r.config.Key != nil {
		if key := r.config.Key(req); key != "" {
			return t.byKey[key], req
		}
	}
	return t.byCenter[centerOfToken(req)], req
}

// within returns the request without the prefix of its path, or false if it has none. The zero
// prefix is of no path.
func within(req *http.Request, prefix string) (*http.Request, bool) {
	path, ok := strings.CutPrefix(req.URL.Path, prefix)
	if prefix == "" || !ok || !strings.HasPrefix(path, "/") {
		return nil, false
	}
	raw, ok := strings.CutPrefix(req.URL.RawPath, prefix)
	if req.URL.RawPath != "" && !ok {
		return nil, false
	}
	inside := *req
	inside.URL = new(url.URL)
	*inside.URL = *req.URL
	inside.URL.Path, inside.URL.RawPath = path, raw
	return &inside, true
}

// centerOfToken returns the centre that the token of a request names, or "".
func centerOfToken(req *http.Request) string {
	_, token, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	return store.CenterOfToken(strings.TrimLeft(token, " "))
}

// routes find the centre of a request.
type routes struct {
	byHost, byName          map[string][]*Backend // byName without ports
	byPath, byKey, byCenter map[string]*Backend
}

func newRoutes(all []*Backend) *routes {
	t := &routes{byHost: make(map[string][]*Backend), byName: make(map[string][]*Backend), byPath: make(map[string]*Backend), byKey: make(map[string]*Backend), byCenter: make(map[string]*Backend)}
	for _, b := range all {
		t.byCenter[b.Center] = b
		for _, host := range b.Hosts {
			t.byHost[host] = append(t.byHost[host], b)
			if name, _, err := net.SplitHostPort(host); err == nil {
				t.byName[name] = append(t.byName[name], b)
			}
		}
		if b.Path != "" {
			t.byPath[b.Path] = b
		}
		if b.Key != "" {
			t.byKey[b.Key] = b
		}
	}
	return t
}

// ofHost returns the centres of a host: of this one with its port, else of the one for every port.
// Without a port, which some proxies remove, it may be the only one with that name.
func (t *routes) ofHost(host string) []*Backend {
	host = strings.ToLower(host)
	if own := t.byHost[host]; own != nil {
		return own
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		return t.byHost[name]
	}
	if named := t.byName[host]; len(named) == 1 {
		return named
	}
	return nil
}
