// SPDX-License-Identifier: Apache-2.0

//go:build go1.22

package main

import "net/http"

func stdRouter() http.Handler {
	router := http.NewServeMux()
	router.HandleFunc("GET /users/{id}", answer)
	router.HandleFunc("/files/{path...}", answer)
	api := http.NewServeMux()
	api.HandleFunc("GET /items/{id}", answer)
	router.Handle("/api/", http.StripPrefix("/api", api))
	nested := http.NewServeMux()
	nested.HandleFunc("GET 127.0.0.1/nested/{a}/things/{id}", answer)
	router.Handle("/nested/", nested)
	anything := http.NewServeMux()
	anything.HandleFunc("/{anything...}", answer)
	router.HandleFunc("/inside/{n}", inside(anything))
	return router
}
