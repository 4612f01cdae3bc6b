// Package http is the server's surface over HTTP: features and events in JSON, health, metrics, and the document that describes them
// (docs/interface.md §6).
//
// A Handler has all calls; Run listens. Bodies are read straight into typed values by the view's schema and answers are appended to one
// buffer: no reflection and no map per row. What a caller does wrong is a problem document (RFC 9457) with the number, the field, the
// nearest name and the cure; what goes wrong inside is logged and never shown.
package http
