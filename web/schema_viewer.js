// Shows the API's document at /schema. Nothing is asked of other hosts: no validator, no fonts.

/* global SwaggerUIBundle */
SwaggerUIBundle({ url: "/schema/openapi.json", dom_id: "#viewer", validatorUrl: null });
