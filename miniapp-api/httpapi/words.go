package httpapi

import (
	"cmp"
	"slices"
	"strings"

	"fundpass/miniapp-api/selfservice"
)

// Words are the words of one channel in the texts of this package. The zero value is for a
// channel whose users belong to no provider that they would know by a name.
type Words struct {
	User    string // a user of the provider, in Chinese; "" = 账号
	Account string // the same after 其他, which needs a noun; "" = 账号

	// Entries replace texts that are different on this channel: those that are not empty
	// replace the ones of the same code. An entry of a code that only this channel has is
	// complete.
	Entries []Presentation
}

// in returns a text in the words of the channel.
func (w Words) in(text string) string {
	text = strings.ReplaceAll(text, "{user}", cmp.Or(w.User, "账号"))
	return strings.ReplaceAll(text, "{account}", cmp.Or(w.Account, "账号"))
}

// Catalogue returns the table of errors of a channel, in the order of the API description.
func Catalogue(w Words) []Presentation {
	all := slices.Clone(common)
	for _, own := range w.Entries {
		i := slices.IndexFunc(all, func(p Presentation) bool { return p.Code == own.Code })
		if i < 0 {
			all = slices.Insert(all, len(all)-1, own) // INTERNAL stays the last
			continue
		}
		p := &all[i]
		p.Message = cmp.Or(own.Message, p.Message)
		p.Title, p.TitleZH = cmp.Or(own.Title, p.Title), cmp.Or(own.TitleZH, p.TitleZH)
		p.Next, p.NextZH = cmp.Or(own.Next, p.Next), cmp.Or(own.NextZH, p.NextZH)
	}
	for i := range all {
		all[i] = all[i].inWords(w)
	}
	return all
}

// inWords returns p with messages in the words of a channel.
func (p Presentation) inWords(w Words) Presentation {
	p.Message = w.in(p.Message)
	if compose := p.compose; compose != nil {
		p.compose = func(e *selfservice.Error, message string) string { return w.in(compose(e, message)) }
	}
	return p
}

// presentationsOf returns the Catalogue by code.
func presentationsOf(w Words) map[string]Presentation {
	all := make(map[string]Presentation, len(common))
	for _, p := range Catalogue(w) {
		all[p.Code] = p
	}
	return all
}
