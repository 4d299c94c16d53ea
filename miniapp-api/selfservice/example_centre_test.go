package selfservice_test

import (
	"context"
	"log"
	"testing"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
	"fundpass/store/storetest"
)

// exampleCentre returns the service of a new centre, and its store, with one depositor.
func exampleCentre() (*selfservice.Service, *store.DB) {
	t := exampleT{}
	pepper := storetest.NewPepper(t)
	hasher := passwd.NewHasher(passwd.HasherConfig{Pepper: pepper})
	db := storetest.New(t, storetest.WithColumnCipher(storetest.NewColumnCipher(t)), storetest.WithPepper(pepper))
	service, err := selfservice.New(selfservice.Config{
		DB: db, Hasher: hasher, Policy: passwd.Default(), Provider: provider{},
		Proof: selfservice.ProofCertdoc, ConsentTexts: []selfservice.ConsentText{
			{Purpose: selfservice.PurposeLink, Version: "1", Text: "同意查询本人的公积金账户"},
			{Purpose: selfservice.PurposeCertdoc, Version: "1", Text: "同意核对姓名和证件号码"},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	hash, err := hasher.Hash(ctx, passwd.NewSecret("Quiet-River-1"))
	if err != nil {
		log.Fatal(err)
	}
	doc, err := document.Parse(document.Citizen, "990101199003070015")
	if err != nil {
		log.Fatal(err)
	}
	_, err = db.Roster().ImportDepositors(ctx, []store.Depositor{{
		Person: store.Person{Name: "欧阳测试", IDType: doc.Type, IDNumber: doc.Number, AccountNo: "880000000001"}, DocumentKey: doc.Key(),
		Status: store.StatusNormal, Hash: hash,
	}})
	if err != nil {
		log.Fatal(err)
	}
	return service, db
}

// provider knows that its user is 欧阳测试. Every channel has a real one.
type provider struct{ selfservice.IdentityProvider }

func (provider) OffersPhone() bool { return false }

func (provider) FaceKind(_, _ string) (string, error) {
	return "", selfservice.ErrDocumentUnsupported
}

func (provider) MatchPerson(_ context.Context, _ string, p selfservice.Person) (bool, error) {
	return p.Name == "欧阳测试", nil
}

// exampleT stands in for the testing.T that an Example does not have. What it would clean
// up ends with the process.
type exampleT struct{ testing.TB }

func (exampleT) Helper()                           {}
func (exampleT) Cleanup(func())                    {}
func (exampleT) Context() context.Context          { return context.Background() }
func (exampleT) Fatal(args ...any)                 { log.Fatal(args...) }
func (exampleT) Fatalf(format string, args ...any) { log.Fatalf(format, args...) }
