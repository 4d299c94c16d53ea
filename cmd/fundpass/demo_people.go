package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"fundpass/miniapp-api/selfservice"
	"fundpass/signing/alipaysim"
	"fundpass/store"
)

// loadPeople makes the stories' accounts that are not there yet, and nothing
// else: what a citizen did to an account stays.
func (a *app) loadPeople(ctx context.Context) error {
	missing, err := a.missingStories(ctx)
	if err != nil {
		return err
	}
	var depositors []store.Depositor
	for _, s := range missing {
		d, err := s.depositor(ctx, a.hasher)
		if err != nil {
			return fmt.Errorf("story %s: %w", s.word, err)
		}
		depositors = append(depositors, d)
	}
	if _, err := a.db.ImportDepositors(ctx, depositors); err != nil {
		return err
	}
	for _, s := range missing {
		if s.oneGuess {
			if err := a.spendGuesses(ctx, s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *app) missingStories(ctx context.Context) ([]story, error) {
	var with []story
	var numbers []string
	for _, s := range stories {
		if s.account != "" {
			with, numbers = append(with, s), append(numbers, s.account)
		}
	}
	has, err := a.db.HasAccounts(ctx, numbers)
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

// spendGuesses leaves one guess at a person's password, to themselves and to
// everybody else, by guessing wrong as often as that takes.
func (a *app) spendGuesses(ctx context.Context, s story) error {
	guessers := []string{s.word, "no_account"}
	if !accepts(a.settings.Proof, selfservice.ProofCertdoc) {
		guessers = guessers[:1] // nobody has a count of their own
	}
	for _, guesser := range guessers {
		p := phone{base: "http://demo", http: &http.Client{Transport: inProcess{a.handler}}}
		if _, err := p.logIn(ctx, guesser); err != nil {
			return err
		}
		for range a.policy.Lock.Guesses()[0] - 1 {
			if err := p.guessWrong(ctx, guesser, s.person()); err != nil {
				return fmt.Errorf("story %s: %w", s.word, err)
			}
		}
		if _, err := p.post(ctx, "/v1/sessions/end", fields{}); err != nil {
			return err
		}
	}
	return nil
}

// guessWrong guesses once at a person's password. Whatever is asked for before the
// password is looked at, --consent and --proof decide, is given.
func (p *phone) guessWrong(ctx context.Context, guesser string, who alipaysim.Person) error {
	for range 4 {
		r, err := p.post(ctx, "/v1/link", fields{
			"name": who.Name, "id_type": who.IDType, "id_number": who.IDNumber, "account_no": who.AccountNo,
			"password": "Not-The-Right-One",
		})
		switch {
		case err != nil:
			return err
		case r.Code == "LINK_REFUSED":
			return nil
		case r.Code == "CONSENT_REQUIRED":
			err = p.agree(ctx)
		case r.Code == "LINK_PROOF_REQUIRED":
			err = p.showPhone(ctx, guesser)
		default:
			err = fmt.Errorf("%w: %s", errForeign, r.Code)
		}
		if err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: it asks for more and more", errForeign)
}

// agree gives every consent that the centre asks for.
func (p *phone) agree(ctx context.Context) error {
	r, err := p.get(ctx, "/v1/consents")
	if err != nil {
		return err
	}
	var asked struct {
		Consents []struct{ Purpose, Version string }
	}
	if err := json.Unmarshal(r.Data, &asked); err != nil {
		return fmt.Errorf("%w: %s", errForeign, r.Code)
	}
	for _, c := range asked.Consents {
		if _, err := p.post(ctx, "/v1/consents", fields{"purpose": c.Purpose, "version": c.Version}); err != nil {
			return err
		}
	}
	return nil
}

// showPhone shows the number that the simulator vouches for, as my.getPhoneNumber
// hands it to the page.
func (p *phone) showPhone(ctx context.Context, person string) error {
	given, err := p.post(ctx, "/sim/phone", fields{"person": person})
	if err != nil {
		return err
	}
	r, err := p.post(ctx, "/v1/phone", json.RawMessage(given.text("response")))
	if err == nil && r.Code != "OK" {
		err = fmt.Errorf("%w: %s", errForeign, r.Code)
	}
	return err
}
