package roster

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fundpass/miniapp-api/document"
	"fundpass/miniapp-api/passwd"
	"fundpass/store"
)

// Columns of a roster, by the names JGJ/T 320 gives them, in any order and case. The
// last two are not part of the standard; they describe the password.
const (
	colAccountNo = "GRZH"     // 个人账号, up to 20 letters and digits
	colName      = "XINGMING" // 姓名
	colIDType    = "ZJLX"     // 证件类型
	colIDNumber  = "ZJHM"     // 证件号码
	colPhone     = "SJHM"     // 手机号码, 11 digits, also with +86, blanks or hyphens, or empty
	colStatus    = "GRZHZT"   // 个人账户状态
	colEmployer  = "DWZH"     // 单位账号
	colRule      = "CSMM"     // 初始密码: the rule it follows, such as id-last6
	colDigest    = "JMMM"     // 加密密码: what the old system kept, see passwd.ParseLegacy
)

var (
	requiredColumns = []string{colAccountNo, colName, colIDType, colIDNumber, colStatus}
	optionalColumns = []string{colPhone, colEmployer, colRule, colDigest}
)

// A header has the field of a line in which each column is.
type header struct {
	at      map[string]int
	fields  int
	ignored []int // columns, from 1; their names may be anything, so nobody is shown them

	documents *document.List // what the codes of ZJLX mean
	// A line of an account that is there needs no password: it keeps its own.
	mayLackPassword bool
}

// parseHeader refuses a roster from which nobody could be imported.
func parseHeader(fields []string, mayLackPassword bool) (header, error) {
	h := header{at: map[string]int{}, fields: len(fields), documents: document.Default(), mayLackPassword: mayLackPassword}
	for i, f := range fields {
		name := strings.ToUpper(strings.TrimSpace(f))
		_, twice := h.at[name]
		switch {
		case !slices.Contains(requiredColumns, name) && !slices.Contains(optionalColumns, name):
			h.ignored = append(h.ignored, i+1)
		case twice:
			return h, fmt.Errorf("column %s stands twice in the first line", name)
		default:
			h.at[name] = i
		}
	}
	var missing []string
	for _, name := range requiredColumns {
		if _, ok := h.at[name]; !ok {
			missing = append(missing, name)
		}
	}
	if !h.has(colRule) && !h.has(colDigest) && !mayLackPassword {
		missing = append(missing, colRule+" or "+colDigest)
	}
	if len(missing) > 0 {
		return h, fmt.Errorf("first line: missing column %s; wanted: %s, and if known %s",
			strings.Join(missing, ", "), strings.Join(requiredColumns, ","), strings.Join(optionalColumns, ","))
	}
	return h, nil
}

func (h header) has(column string) bool { _, ok := h.at[column]; return ok }

// refuseWhere refuses the columns with corrupt fields for that alone, whatever else is
// wrong with them. A column that is not read may hold anything.
func (h header) refuseWhere(fields []string, isCorrupt func(string) bool, e entry, all []refusal) []refusal {
	for _, column := range slices.Concat(requiredColumns, optionalColumns) {
		if i, ok := h.at[column]; ok && i < len(fields) && isCorrupt(fields[i]) {
			all = slices.DeleteFunc(all, func(r refusal) bool { return r.column == column })
			all = append(all, refusal{line: e.line, column: column, reason: reasonEncoding, accountNo: e.Person.AccountNo})
		}
	}
	return all
}

// An entry is a line that can be imported.
type entry struct {
	line int64
	store.Depositor
	digest       passwd.Legacy // of the password, where the roster has one
	passwordless bool          // neither a rule nor a digest
	padded       bool          // a code of one digit was read as one of two
	zeros        bool          // the ID number ends in 000, see cutNumbers
}

// read returns the entry of a line, or everything that is wrong with the line.
func (h header) read(line int64, fields []string) (entry, []refusal) {
	c := lineCheck{header: h, line: line, fields: fields}
	if len(fields) != h.fields {
		c.refuse("", "not as many fields as the first line")
		return entry{line: line}, c.refusals
	}
	e := entry{line: line}
	c.account(&e)
	c.person(&e)
	c.password(&e)
	for i := range c.refusals {
		c.refusals[i].accountNo = e.Person.AccountNo
	}
	return e, c.refusals
}

// A lineCheck collects the refusals of one line.
type lineCheck struct {
	header
	line     int64
	fields   []string
	refusals []refusal
}

func (c *lineCheck) value(column string) string {
	if i, ok := c.at[column]; ok {
		return strings.TrimSpace(c.fields[i])
	}
	return ""
}

// refuse gives what a spreadsheet did to the value as the reason, if one did, or else
// reason.
func (c *lineCheck) refuse(column, reason string) {
	reason = cmp.Or(spreadsheetCorruption(c.value(column)), reason)
	c.refusals = append(c.refusals, refusal{line: c.line, column: column, reason: reason})
}

// code returns a code of two digits. It puts 0 before a single digit where no code has
// only one, because spreadsheets drop zeros in front.
func (c *lineCheck) code(e *entry, column string, known func(string) bool) string {
	v := c.value(column)
	if !known(v) && len(v) == 1 && known("0"+v) {
		e.padded = true
		return "0" + v
	}
	return v
}

// statuses are the codes of GRZHZT.
var statuses = []string{
	store.StatusNormal, store.StatusSealed, store.StatusMerged, store.StatusMoved,
	store.StatusClosed, store.StatusFrozen, store.StatusUnknown,
}

func (c *lineCheck) account(e *entry) {
	p := &e.Person
	if p.AccountNo = c.value(colAccountNo); !isAccountNo(p.AccountNo) {
		c.refuse(colAccountNo, "not 1 to 20 letters and digits")
		p.AccountNo = ""
	}
	p.EmployerNo = c.value(colEmployer)
	if p.EmployerNo != "" && !isAccountNo(p.EmployerNo) {
		c.refuse(colEmployer, "neither empty nor 1 to 20 letters and digits")
	}
	isStatus := func(s string) bool { return slices.Contains(statuses, s) }
	if e.Status = c.code(e, colStatus, isStatus); !isStatus(e.Status) {
		c.refuse(colStatus, "not one of "+strings.Join(statuses, " "))
	}
}

func (c *lineCheck) person(e *entry) {
	p := &e.Person
	var kind document.Kind
	code := c.code(e, colIDType, func(code string) bool { _, ok := c.documents.Type(code); return ok })
	if t, ok := c.documents.Type(code); ok {
		kind = t.Kind
	}
	c.name(e, kind)
	c.number(e, code)
	p.Phone = document.Mobile(c.value(colPhone))
	if n := len(p.Phone); n != 0 && n != 11 || !isDigits(p.Phone) {
		c.refuse(colPhone, "neither empty nor 11 digits")
	}
}

func (c *lineCheck) name(e *entry, kind document.Kind) {
	var err error
	e.Person.Name, err = document.RecordName(c.value(colName), kind)
	switch {
	case err != nil:
		c.refuse(colName, strings.TrimPrefix(err.Error(), "document: "))
	case spreadsheetCorruption(c.value(colName)) != "":
		c.refuse(colName, "not a name")
	}
}

func (c *lineCheck) number(e *entry, code string) {
	doc, err := c.documents.ParseOn(time.Now(), code, c.value(colIDNumber))
	zeros := doc.Birthday() != "" && strings.HasSuffix(doc.Number, cutZeros)
	var number *document.NumberError
	switch {
	case errors.As(err, &number) && isCut(c.value(colIDNumber)):
		c.refuse(colIDNumber, cutNumber)
	case errors.As(err, &number):
		c.refuse(colIDNumber, "not a number of this document type: "+string(number.Reason))
	case err != nil:
		c.refuse(colIDType, "unknown document type")
	}
	e.zeros = zeros
	e.Person.IDType, e.Person.IDNumber, e.DocumentKey = doc.Type, doc.Number, doc.Key()
}

// password reads the rule or the digest; a line has one of them.
func (c *lineCheck) password(e *entry) {
	rule, digest := c.value(colRule), c.value(colDigest)
	switch {
	case rule == "" && digest == "" && c.mayLackPassword:
		e.passwordless = true
	case rule == "" && digest == "":
		c.refuse(colRule, "no initial rule and no digest of the password")
	case rule != "" && digest != "":
		c.refuse(colRule, "an initial rule and a digest of the password")
	case digest != "":
		var err error
		if e.digest, err = passwd.ParseLegacy(digest); err != nil {
			c.refuse(colDigest, strings.TrimPrefix(err.Error(), "passwd: "))
		}
	default:
		if _, ok := passwd.Derive(rule, subjectOf(e.Person)); !ok && len(c.refusals) == 0 {
			c.refuse(colRule, "unknown rule, or this person has not the data it needs")
		}
		e.InitialRule = rule
	}
}

func subjectOf(p store.Person) passwd.Subject {
	return passwd.Subject{IDType: p.IDType, IDNumber: p.IDNumber, Name: p.Name, Phone: p.Phone, AccountNo: p.AccountNo}
}

func isAccountNo(s string) bool {
	return 1 <= len(s) && len(s) <= 20 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

func isDigits(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}
