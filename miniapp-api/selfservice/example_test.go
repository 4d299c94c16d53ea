package selfservice_test

import (
	"context"
	"fmt"
	"log"

	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// A citizen links the user of a channel to their fund account, by name, document and
// password, and then changes the password in two steps. A channel does the same between
// reading a request and writing a reply.
func ExampleService() {
	ctx := context.Background()
	service, db := exampleCentre() // which has the depositor 欧阳测试, whose password is Quiet-River-1

	token := []byte("the SHA-256 of a random token")
	visitor := store.Visitor{Identity: store.Identity{Provider: "provider", AppID: "app", Kind: "open_id", Value: "somebody"}}
	if _, err := service.OpenSession(ctx, "channel", token, visitor); err != nil {
		log.Fatal(err)
	}
	caller := func() selfservice.Caller { // anew for every request, as the session now is
		session, err := db.Session(ctx, token)
		if err != nil {
			log.Fatal(err)
		}
		return selfservice.Caller{Session: session}
	}

	person := selfservice.PersonInput{Name: "欧阳测试", IDType: "01", IDNumber: "990101199003070015"}
	_, err := service.Link(ctx, caller(), selfservice.LinkInput{PersonInput: person, Password: passwd.NewSecret("Wrong-River-1")})
	fmt.Println(err)
	account, err := service.Link(ctx, caller(), selfservice.LinkInput{PersonInput: person, Password: passwd.NewSecret("Quiet-River-1")})
	fmt.Println(account.Person.Name, err)

	if err != nil {
		log.Fatal(err)
	}
	change, err := service.OpenChange(ctx, caller(), selfservice.ChangeInput{IDNumber: person.IDNumber, OldPassword: passwd.NewSecret("Quiet-River-1")})
	if err != nil {
		log.Fatal(err)
	}
	twice := func(typed string) selfservice.NewPassword {
		return selfservice.NewPassword{Password: passwd.NewSecret(typed), Again: passwd.NewSecret(typed)}
	}
	_, err = service.ConfirmChange(ctx, caller(), change.ID, twice("ouyang19900307"))
	fmt.Println(err)
	done, err := service.ConfirmChange(ctx, caller(), change.ID, twice("Copper-Kettle-58"))
	fmt.Println(done.State, err)
	// Output:
	// LINK_REFUSED
	// 欧阳测试 <nil>
	// PASSWORD_WEAK
	// done <nil>
}
