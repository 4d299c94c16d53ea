package serve

import "context"

// checkIssuer warns of an issuer that does not answer at the start, so that a wrong setting is
// found before a citizen finds it. The server runs without it, because an issuer may be down.
func (a *App) checkIssuer(ctx context.Context) {
	if a.website == nil {
		return
	}
	if err := a.website.CheckIssuer(ctx); err != nil && ctx.Err() == nil {
		a.log.Warn("no sign-in at the issuer of FUNDPASS_OIDC_FILE", "err", err)
	}
}
