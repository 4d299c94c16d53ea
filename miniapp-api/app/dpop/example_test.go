package dpop_test

import (
	"fmt"
	"net/http"
	"time"

	"fundpass/miniapp-api/app/dpop"
)

// The proof of RFC 9449, section 7.1, is for one request with one token.
func ExampleVerifier_Verify() {
	const proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19" +
		".eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9" +
		".2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
	header := http.Header{"Dpop": {proof}}
	request := dpop.Request{Method: "GET", URL: "https://resource.example.org/protectedresource", Token: "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"}
	issued := time.Unix(1562262618, 0)

	var v dpop.Verifier
	p, err := v.Verify(header, request, issued)
	fmt.Println(p.Thumbprint, err)

	_, err = v.Verify(header, request, issued.Add(time.Hour))
	fmt.Println(err)

	request.Token = "another"
	_, err = v.Verify(header, request, issued)
	fmt.Println(err)
	// Output:
	// 0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I <nil>
	// dpop: invalid proof: iat is too old
	// dpop: invalid proof: ath is missing or of another token
}
