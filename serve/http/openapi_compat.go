package http

// compatCalls documents the calls in the shapes of others.
func (h *Handler) compatCalls(parameter func(name, what string, schema object) []object, bad func(object) object) map[string]object {
	text := object{"type": "string"}
	chronon := func(id, name, what string, of []string) object {
		named := object{"type": "string", "enum": of}
		if len(of) == 0 {
			named = text
		}
		return object{
			"operationId": id, "summary": "The call of Chronon's feature service: keys of each row in, a result for each out.",
			"parameters":  parameter(name, what, named),
			"requestBody": object{"required": true, "content": jsonBody(object{"type": "array", "items": object{"type": "object"}})},
			"responses":   bad(object{"200": answer("a result for each row", ref("ChrononAnswer"))}),
		}
	}
	return map[string]object{
		"POST /v1/features/join/{view}":     chronon("join", "view", "the view's name", h.o.Server.Names()),
		"POST /v1/features/groupby/{group}": chronon("groupby", "group", "the name of a group that a view has", h.o.Server.Groups()),
		"POST /get-online-features": {
			"operationId": "getOnlineFeatures", "summary": "The call of Feast's feature server: entities by column in, features by column out. A feature service is a view, a feature view is a view or a group.",
			"requestBody": object{"required": true, "content": jsonBody(ref("FeastRequest"))},
			"responses":   bad(object{"200": answer("the columns, first those of the entities", ref("FeastAnswer"))}),
		},
		"POST /push": {
			"operationId": "push", "summary": "The call of Feast's feature server: events by column in. 200 once they are durable, and none was refused.",
			"requestBody": object{"required": true, "content": jsonBody(ref("FeastPush"))},
			"responses":   bad(object{"200": answer("all of them are accepted", object{"type": "null"})}),
		},
		"POST /write-to-online-store": {
			"operationId": "writeToOnlineStore", "summary": "The call by which clients of Feast write values of features: it is always refused, for values are made of events here, and says where those go.",
			"requestBody": object{"required": true, "content": jsonBody(object{"type": "object"})},
			"responses":   bad(object{}),
		},
	}
}

// compatSchemas are what bodies in the shapes of others look like.
func compatSchemas() object {
	text, list := object{"type": "string"}, func(of object) object { return object{"type": "array", "items": of} }
	columns := object{"type": "object", "additionalProperties": object{"type": "array"}}
	strict := func(properties object, required ...string) object {
		return object{"type": "object", "required": required, "properties": properties, "additionalProperties": false}
	}
	return object{
		"ChrononAnswer": strict(object{"results": list(object{"oneOf": []object{
			strict(object{"status": object{"const": "Success"}, "entityKeys": object{"type": "object"},
				"features": object{"type": "object", "description": "what could not be had has its reason under its name with _exception"}}, "status", "entityKeys", "features"),
			strict(object{"status": object{"const": "Failure"}, "entityKeys": object{"type": "object"}, "error": text}, "status", "entityKeys", "error")}})}, "results"),
		"FeastRequest": object{"type": "object", "required": []string{"entities"}, "properties": object{
			"entities": columns, "features": list(object{"type": "string", "pattern": ":"}), "feature_service": nullable(text), "full_feature_names": object{"type": "boolean", "default": false}}},
		"FeastAnswer": strict(object{"metadata": strict(object{"feature_names": list(text)}, "feature_names"), "results": list(strict(object{
			"values":           object{"type": "array", "description": "times are seconds since 1970"},
			"statuses":         list(object{"enum": []string{"PRESENT", "NULL_VALUE", "NOT_FOUND", "OUTSIDE_MAX_AGE", "INVALID"}}),
			"event_timestamps": list(object{"type": "string", "format": "date-time"}),
		}, "values", "statuses", "event_timestamps"))}, "metadata", "results"),
		"FeastPush": object{"type": "object", "required": []string{"push_source_name", "df"}, "properties": object{
			"push_source_name": text, "df": columns, "to": object{"enum": []string{"online", "online_and_offline"}}}},
	}
}
