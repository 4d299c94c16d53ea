package httpapi_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/miniapp-api/selfservice"
	"fundpass/store"
)

// BenchmarkRefusalTiming (T8) measures whether the time of a refusal reveals anything to a
// stranger. It interleaves all kinds of refusals at random and reports, for each kind, the area
// under the curve against unknown people; 0.5 means no information. A second series of unknown
// people is the control. A run with -benchtime=2000x makes 2,000 tries of each kind.
func BenchmarkRefusalTiming(b *testing.B) {
	h := newEnv(b, withProof(selfservice.ProofNone))
	h.server = h.newServer(withProof(selfservice.ProofNone), fullHasher(h), withSpraying(5, 200, 1<<30), withProxy)
	h.url = h.listen(h.server)
	attacker := h.logIn(h.citizen())
	locked := h.citizen(func(c *citizen) { c.IDNumber = idNumber("19991231", 1) })
	for range 6 {
		attacker.post("/v1/link", withPassword(locked.linkBody(), "wrong"))
	}
	h.exec(`UPDATE lockouts SET locked_until = '9999-12-31' WHERE locked_until IS NOT NULL`) // the run outlasts the lock
	people := manyPeople(b, h, b.N)
	tries := map[string]func(i int) m{
		"unknown": func(i int) m { return stranger(i, "unknown") },
		"control": func(i int) m { return stranger(i, "control") },
		"wrong password": func(i int) m {
			return m{"name": "测试人", "id_type": "01", "id_number": people[i], "password": "wrong-password"}
		},
		"wrong name": func(i int) m {
			return m{"name": "别的人", "id_type": "01", "id_number": people[b.N+i], "password": "Quiet-River-1"}
		},
		"locked": func(int) m { return locked.linkBody() },
	}
	kinds := []string{"unknown", "control", "wrong password", "wrong name", "locked"}
	times := map[string][]float64{}
	b.ResetTimer()
	for i := range b.N {
		rand.Shuffle(len(kinds), func(a, b int) { kinds[a], kinds[b] = kinds[b], kinds[a] })
		attacker, address := h.logIn(h.citizen()), from(fmt.Sprintf("198.18.%d.%d", i>>8&255, i&255)) // no try counts as spraying
		for _, kind := range kinds {
			body := tries[kind](i)
			begun := time.Now()
			attacker.post("/v1/link", body, address).want(b, "LINK_REFUSED")
			times[kind] = append(times[kind], time.Since(begun).Seconds())
		}
	}
	unknown := times["unknown"]
	slices.Sort(unknown)
	for _, kind := range []string{"control", "wrong password", "wrong name", "locked"} {
		b.ReportMetric(areaUnderCurve(unknown, times[kind]), "AUC/"+kind[:1]+kind[len(kind)-4:])
		b.ReportMetric(median(times[kind])/median(unknown), "median-ratio/"+kind[:1]+kind[len(kind)-4:])
	}
}

func stranger(i int, series string) m {
	birthday := map[string]string{"unknown": "19010101", "control": "19020202"}[series]
	return m{"name": "测试人", "id_type": "01", "id_number": regionalID(birthday, i), "password": "wrong-password"}
}

// regionalID returns many numbers, and advances the region when the sequence is used up.
func regionalID(birthday string, i int) string {
	n := idNumber(birthday, i%1000)
	body := fmt.Sprintf("99%04d%s", 1+i/1000, n[6:17])
	return body + document.CheckDigit(body)
}

// manyPeople imports 2n people with one password.
func manyPeople(b testing.TB, h *env, n int) []string {
	hash, err := h.server.Hasher.Hash(b.Context(), passwd.NewSecret("Quiet-River-1"))
	must(b, err)
	numbers := make([]string, 2*n)
	depositors := make([]store.Depositor, 2*n)
	for i := range numbers {
		numbers[i] = regionalID("19560307", i)
		doc, err := document.Parse("01", numbers[i])
		must(b, err)
		depositors[i] = store.Depositor{DocumentKey: doc.Key(), Status: "01", Hash: hash, Person: store.Person{
			Name: "测试人", IDType: "01", IDNumber: numbers[i], AccountNo: fmt.Sprintf("77%010d", i)}}
	}
	_, err = h.db.Roster().ImportDepositors(b.Context(), depositors)
	must(b, err)
	return numbers
}

// areaUnderCurve returns the probability that a try of a kind took longer than one of the
// sorted others.
func areaUnderCurve(sorted, times []float64) float64 {
	sum := 0.0
	for _, t := range times {
		i, _ := slices.BinarySearch(sorted, t)
		sum += float64(i)
	}
	return sum / float64(len(sorted)*len(times))
}
