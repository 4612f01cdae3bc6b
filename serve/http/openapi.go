package http

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/gate"
	"github.com/bighead-ml/bighead/value"
)

// object is a piece of a JSON document.
type object = map[string]any

// openAPI is GET /openapi.json: the calls of the route table, with the views as they are served now.
func (h *Handler) openAPI(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, h.document())
	return nil
}

func (h *Handler) document() object {
	paths := object{}
	for _, r := range routes() {
		call, ok := h.calls()[r.method+" "+r.pattern]
		if !ok {
			panic("http: " + r.pattern + " is in no document")
		}
		if h.gate.Guarded() && r.scope != gate.Open {
			call["security"] = []object{{"token": []string{}}}
			call["responses"].(object)["401"] = problemAnswer("no token, or one that is not known")
			call["responses"].(object)["403"] = problemAnswer("the token may not do this")
			call["responses"].(object)["429"] = problemAnswer("the token's own limit; Retry-After says when to come again")
		}
		paths[r.pattern] = object{strings.ToLower(r.method): call}
	}
	return object{
		"openapi": "3.1.0",
		"info":    object{"title": "bighead", "version": h.version(), "description": "Features as of now, with the status of each value; events in."},
		"paths":   paths,
		"components": object{
			"schemas":         h.schemas(),
			"securitySchemes": object{"token": object{"type": "http", "scheme": "bearer"}},
		},
	}
}

func (h *Handler) version() string {
	if h.o.Version == "" {
		return "unknown"
	}
	return h.o.Version
}

func ref(name string) object { return object{"$ref": "#/components/schemas/" + name} }

func jsonBody(schema object) object { return object{"application/json": object{"schema": schema}} }

func answer(what string, schema object) object {
	return object{"description": what, "content": jsonBody(schema)}
}

func problemAnswer(what string) object {
	return object{"description": what, "content": object{"application/problem+json": object{"schema": ref("Problem")}}}
}

// calls documents each route by method and pattern.
func (h *Handler) calls() map[string]object {
	parameter := func(name, what string, schema object) []object {
		return []object{{"name": name, "in": "path", "required": true, "description": what, "schema": schema}}
	}
	bad := func(more object) object {
		out := object{
			"400": problemAnswer("the caller's mistake: its number, the field, the nearest name and the cure"),
			"404": problemAnswer("no such view, endpoint, source or topic; the nearest name is in it"),
			"413": problemAnswer("too large"),
			"503": problemAnswer("the server is busy or cannot take it now; Retry-After says when to come again"),
			"500": problemAnswer("a defect of the server"),
		}
		maps.Copy(out, more)
		return out
	}
	views := make([]object, 0, len(h.o.Server.Names()))
	for _, name := range h.o.Server.Names() {
		views = append(views, ref("Request_"+name))
	}
	request := object{"anyOf": views}
	view := object{"type": "string", "enum": h.o.Server.Names()}
	if len(views) == 0 {
		request, view = object{"type": "object"}, object{"type": "string"}
	}
	calls := map[string]object{
		"POST /v1/features/{view}": {
			"operationId": "features", "summary": "Features of some rows, in their order.",
			"parameters":  parameter("view", "the view's name", view),
			"requestBody": object{"required": true, "content": jsonBody(request)},
			"responses":   bad(object{"200": answer("a row for each row: its values, or its own error", ref("Answer"))}),
		},
		"POST /v1/events/{name}": {
			"operationId": "events", "summary": "Events in, to a source or to every source of a topic. 200 once they are durable.",
			"parameters": append(parameter("name", "a source or topic", object{"type": "string"}), object{"name": keyHeader, "in": "header", "required": false,
				"description": "names the body, so that it may be sent again: for a day what comes under the same key is answered as duplicated, and taken once",
				"schema":      object{"type": "string", "minLength": 1, "maxLength": serve.MaxKey}}),
			"requestBody": object{"required": true, "content": object{
				ndjson:    object{"schema": object{"type": "string", "description": "an object of JSON on each line"}},
				jsonArray: object{"schema": object{"type": "array", "items": object{"type": "object"}}}}},
			"responses": bad(object{"200": answer("what became of them, by source", ref("Pushed"))}),
		},
		"GET /openapi.json": {"operationId": "openapi", "summary": "This document.", "responses": object{"200": answer("the document", object{"type": "object"})}},
		"GET /healthz":      {"operationId": "healthz", "summary": "Whether the process makes progress.", "responses": object{"200": answer("it does", ref("Health"))}},
		"GET /readyz": {"operationId": "readyz", "summary": "Whether requests should be sent here.",
			"responses": object{"200": answer("they should", ref("Readiness")), "503": answer("not now", ref("Readiness"))}},
		"GET /metrics": {"operationId": "metrics", "summary": "All metrics, in Prometheus' text format.",
			"responses": object{"200": object{"description": "metrics", "content": object{"text/plain": object{"schema": object{"type": "string"}}}}}},
	}
	maps.Copy(calls, h.compatCalls(parameter, bad))
	calls["POST /v1/predict/{endpoint}"] = h.predictCall(parameter, bad)
	calls["POST /v1/labels"] = labelsCall(bad)
	return calls
}

// schemas are what bodies look like.
func (h *Handler) schemas() object {
	text, list := object{"type": "string"}, func(of object) object { return object{"type": "array", "items": of} }
	count := object{"type": "integer", "minimum": 0}
	role := object{"type": "string", "enum": []string{"active", "standby"}}
	statuses := []string{}
	for _, s := range serve.Statuses() {
		statuses = append(statuses, s.String())
	}
	strict := func(required []string, properties object) object {
		return object{"type": "object", "required": required, "properties": properties, "additionalProperties": false}
	}
	problem := object{"type": text, "title": text, "detail": text, "code": object{"type": "string", "pattern": "^BH[0-9]{3}$"}, "field": text, "cure": text, "near": list(text)}
	whole := maps.Clone(problem)
	whole["status"], whole["instance"] = object{"type": "integer"}, text
	whole["errors"] = object{"type": "array", "items": text, "description": "the same once more, where Chronon's clients look"}
	required := []string{"type", "title", "detail", "code"}
	out := object{
		"Problem": strict(append([]string{"status"}, required...), whole),
		"Answer": strict([]string{"view", "fingerprint", "at", "features", "rows"}, object{"view": text, "fingerprint": text, "at": object{"type": "string", "format": "date-time"},
			"features": list(text), "rows": list(object{"oneOf": []object{ref("Row"), ref("RowError")}})}),
		"Row": strict([]string{"values"}, object{"values": object{"type": "array"}, "status": object{"description": "left out where it was not asked for; one word where all values are present",
			"oneOf": []object{{"const": "present"}, list(object{"enum": statuses})}}}),
		"RowError":  strict([]string{"error"}, object{"error": strict(required, problem)}),
		"Health":    strict([]string{"status"}, object{"status": object{"const": "ok"}, "role": role}),
		"Readiness": strict([]string{"ready", "waiting", "degraded"}, object{"ready": object{"type": "boolean"}, "role": role, "waiting": list(text), "degraded": list(text)}),
		"Pushed": strict([]string{"sources"}, object{"sources": object{"type": "object", "additionalProperties": strict([]string{"accepted", "duplicated", "not_yet", "rejected"},
			object{"accepted": count, "duplicated": count, "not_yet": count, "rejected": list(ref("Rejected"))})}}),
		"Rejected": strict([]string{"line", "reason"}, object{"line": object{"type": "integer", "minimum": 1, "description": "of the body; of an array, which element"}, "reason": text}),
	}
	maps.Copy(out, compatSchemas())
	maps.Copy(out, h.predictSchemas(list(object{"enum": statuses})))
	for _, name := range h.o.Server.Names() {
		if v, err := h.o.Server.View(name); err == nil {
			out["Request_"+name] = requestSchema(v)
		}
	}
	return out
}

// requestSchema is a request for one view.
func requestSchema(v *serve.View) object {
	var names []string
	for _, c := range v.Columns() {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return object{"type": "object", "required": []string{"rows"}, "additionalProperties": false, "properties": object{
		"rows":     object{"type": "array", "items": rowSchema(v)},
		"features": nullable(object{"type": "array", "items": object{"type": "string", "enum": names}}),
		"at":       nullable(typeSchema(value.Timestamp)),
		"status":   nullable(object{"type": "boolean", "default": true}),
	}}
}

// rowSchema is a row of keys and request fields.
func rowSchema(v *serve.View) object {
	properties, required := object{}, []string{}
	for _, k := range v.Asked() {
		properties[k.Name] = nullable(typeSchema(k.Type))
		if !k.Optional {
			required = append(required, k.Name)
		}
	}
	return object{"type": "object", "required": required, "properties": properties, "additionalProperties": false}
}

func nullable(schema object) object { return object{"anyOf": []object{schema, {"type": "null"}}} }

// typeSchema is how a value of a type is written.
func typeSchema(t value.Type) object {
	oneOf := func(s ...object) object { return object{"anyOf": s} }
	switch t.Kind {
	case value.KindBool:
		return object{"type": "boolean"}
	case value.KindInt:
		return oneOf(object{"type": "integer"}, object{"type": "string", "pattern": "^[+-]?[0-9]+$"})
	case value.KindFloat:
		return oneOf(object{"type": "number"}, object{"enum": []string{"NaN", "Infinity", "-Infinity"}, "description": "null, as everywhere"})
	case value.KindTimestamp:
		return oneOf(object{"type": "string", "format": "date-time"}, object{"type": "integer", "description": "milliseconds since 1970"})
	case value.KindDate:
		return object{"type": "string", "format": "date"}
	case value.KindBytes:
		return object{"type": "string", "contentEncoding": "base64"}
	case value.KindList:
		return object{"type": "array", "items": nullable(typeSchema(*t.Elem))}
	case value.KindMap:
		return object{"type": "object", "additionalProperties": nullable(typeSchema(*t.Elem))}
	case value.KindStruct:
		return structSchema(t.Fields)
	}
	return object{"type": "string"}
}

func structSchema(fields []value.Field) object {
	properties := object{}
	for _, f := range fields {
		properties[f.Name] = nullable(typeSchema(f.Type))
	}
	return object{"type": "object", "properties": properties, "additionalProperties": false}
}
