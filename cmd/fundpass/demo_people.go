package main

import (
	"context"
	"fmt"
	"net/http"

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
	who := s.person()
	for _, guesser := range []string{s.word, "no_account"} {
		p := phone{base: "http://demo", http: &http.Client{Transport: inProcess{a.handler}}}
		if _, err := p.logIn(ctx, guesser); err != nil {
			return err
		}
		for range a.policy.Lock.Guesses()[0] - 1 {
			r, err := p.post(ctx, "/v1/link", fields{
				"name": who.Name, "id_type": who.IDType, "id_number": who.IDNumber, "account_no": who.AccountNo,
				"password": "Not-The-Right-One",
			})
			if err == nil && r.Code != "LINK_REFUSED" {
				err = fmt.Errorf("%w: %s", errForeign, r.Code)
			}
			if err != nil {
				return fmt.Errorf("story %s: %w", s.word, err)
			}
		}
		if _, err := p.post(ctx, "/v1/sessions/end", fields{}); err != nil {
			return err
		}
	}
	return nil
}
