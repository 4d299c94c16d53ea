package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"fundpass/cmd/internal/apiclient"
	"fundpass/cmd/internal/serve"
	"fundpass/cmd/internal/settings"
	"fundpass/miniapp-api/selfservice"
	"fundpass/signing/alipaysim"
	"fundpass/store"
)

// loadPeople creates the accounts of the stories that do not exist. It does not touch
// existing accounts, so that what citizens did to them is kept.
func loadPeople(ctx context.Context, a *serve.App, people []story) error {
	missing, err := missingStories(ctx, a, people)
	if err != nil {
		return err
	}
	var depositors []store.Depositor
	for _, s := range missing {
		d, err := s.depositor(ctx, a.Hasher)
		if err != nil {
			return fmt.Errorf("story %s: %w", s.key, err)
		}
		depositors = append(depositors, d)
	}
	if _, err := a.DB.Roster().ImportDepositors(ctx, depositors); err != nil {
		return err
	}
	for _, s := range missing {
		if s.oneAttempt {
			if err := spendAttempts(ctx, a, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// missingStories returns the stories whose fund accounts are not in the database.
func missingStories(ctx context.Context, a *serve.App, people []story) ([]story, error) {
	var with []story
	var numbers []string
	for _, s := range people {
		if s.account != "" && s.again == "" {
			with, numbers = append(with, s), append(numbers, s.account)
		}
	}
	has, err := a.DB.Roster().HasAccounts(ctx, numbers)
	if err != nil {
		return nil, err
	}
	var missing []story
	for i, s := range with {
		if !has[i] {
			missing = append(missing, s)
		}
	}
	return missing, nil
}

// spendAttempts makes failed attempts at a person's password until one is left, for the
// person and for everybody else.
func spendAttempts(ctx context.Context, a *serve.App, s story) error {
	callers := []string{s.key, "no_account"}
	if !settings.Accepts(a.Settings.Proof, selfservice.ProofCertdoc) {
		callers = callers[:1] // all callers share one counter
	}
	for _, caller := range callers {
		p := apiclient.Client{Base: "http://demo", HTTP: &http.Client{Transport: apiclient.InProcess{Handler: a.Handler}}}
		if _, err := p.LogIn(ctx, caller); err != nil {
			return err
		}
		for range a.Policy.Lock.Attempts()[0] - 1 {
			if err := failAttempt(ctx, &p, caller, s.person()); err != nil {
				return fmt.Errorf("story %s: %w", s.key, err)
			}
		}
		if _, err := p.Post(ctx, "/v1/sessions/end", apiclient.Fields{}); err != nil {
			return err
		}
	}
	return nil
}

// failAttempt makes one failed attempt at a person's password. It first gives the
// consents and proofs that --consent and --proof require.
func failAttempt(ctx context.Context, p *apiclient.Client, caller string, who alipaysim.Person) error {
	for range 4 {
		r, err := p.Post(ctx, "/v1/link", apiclient.Fields{
			"name": who.Name, "id_type": who.IDType, "id_number": who.IDNumber, "account_no": who.AccountNo,
			"password": "Not-The-Right-One",
		})
		switch {
		case err != nil:
			return err
		case r.Code == "LINK_REFUSED":
			return nil
		case r.Code == "CONSENT_REQUIRED":
			err = agree(ctx, p)
		case r.Code == "LINK_PROOF_REQUIRED":
			err = verifyPhone(ctx, p, caller)
		default:
			err = fmt.Errorf("%w: %s", apiclient.ErrNotAPI, r.Code)
		}
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: no refusal after four calls", apiclient.ErrNotAPI)
}

// agree gives every consent that the centre requires.
func agree(ctx context.Context, p *apiclient.Client) error {
	r, err := p.Get(ctx, "/v1/consents")
	if err != nil {
		return err
	}
	var offered struct {
		Consents []struct{ Purpose, Version string }
	}
	if err := json.Unmarshal(r.Data, &offered); err != nil {
		return fmt.Errorf("%w: %s", apiclient.ErrNotAPI, r.Code)
	}
	for _, c := range offered.Consents {
		if _, err := p.Post(ctx, "/v1/consents", apiclient.Fields{"purpose": c.Purpose, "version": c.Version}); err != nil {
			return err
		}
	}
	return nil
}

// verifyPhone submits the phone number that the simulator certifies, as my.getPhoneNumber
// passes it to the page.
func verifyPhone(ctx context.Context, p *apiclient.Client, person string) error {
	phone, err := p.Post(ctx, "/sim/phone", apiclient.Fields{"person": person})
	if err != nil {
		return err
	}
	r, err := p.Post(ctx, "/v1/phone", json.RawMessage(phone.Text("response")))
	if err == nil && r.Code != "OK" {
		err = fmt.Errorf("%w: %s", apiclient.ErrNotAPI, r.Code)
	}
	return err
}
