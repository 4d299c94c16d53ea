package httpapi

import (
	"maps"
	"slices"
)

// Identifiers exported to the tests of package httpapi_test.

type AccountChoice = accountChoice
type AccountView = accountView
type AccountsReply = accountsReply
type ConsentsReply = consentsReply
type FieldView = fieldView
type None = none
type OwnAccount = ownAccount
type OwnDataReply = ownDataReply
type PendingView = pendingView
type Problem = problem
type TransferView = transferView
type TransfersReply = transfersReply
type Success = success

const MaxBody = maxBody
const ProblemType = problemType

func BusinessRoutes() []string { return slices.Collect(maps.Keys(businesses)) }

var EventTexts = eventTexts
var FieldTexts = fieldTexts
var InWords = Words.in
var Network = network
var ProblemOf = Presentation.problem
