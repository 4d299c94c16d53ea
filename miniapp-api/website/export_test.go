package website

import "html/template"

// HomeTemplate returns the template of the first page.
func HomeTemplate(s *Site) *template.Template { return s.render.pages["home"] }

// HomeData returns the data of the first page of a citizen with nothing open.
func HomeData() any {
	return homeView{Name: "**试", AccountNo: "**********01", State: "正常", Normal: true, Remaining: 5}
}
