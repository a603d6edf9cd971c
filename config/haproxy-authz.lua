-- Asks Vestibule whether to let a request in: http-request lua.authz /authz/user
--
-- Sets txn.authz to "yes", x-auth-* and traceparent where it does; answers 401 or 403 as Vestibule did; and else nothing: the
-- configuration refuses what has no yes.

-- By way of HAProxy's own frontend, which knows the nodes that are up.
local VESTIBULE = "abns@vestibule-authz"
-- Vestibule gives Redis up after 3 s.
local TIMEOUT_MS = 5000
-- What a question is judged by, and what the log of Vestibule tells of it.
local ASKED = { "authorization", "x-session-token", "x-forwarded-for", "x-request-id", "traceparent", "tracestate" }
local TOLD = { "x-auth-subject", "x-auth-session", "x-auth-role" }
local PASSED_ON = { "content-type", "www-authenticate", "cache-control", "x-request-id" }

core.register_action("authz", { "http-req" }, function(txn, path)
    local sent, headers = txn.http:req_get_headers(), { host = { "vestibule" } }
    for _, name in ipairs(ASKED) do
        -- All values of a header, for a repeated token is for Vestibule to refuse.
        headers[name] = sent[name]
    end
    local answer = core.httpclient():get {
        url = "http://127.0.0.1" .. path, dst = VESTIBULE, headers = headers, timeout = TIMEOUT_MS
    }
    if not answer then return end

    if answer.status == 204 then
        for _, name in ipairs(TOLD) do
            if not answer.headers[name] then return end
        end
        for _, name in ipairs(TOLD) do
            txn.http:req_set_header(name, answer.headers[name][0])
        end
        -- The client's own, or of the trace that Vestibule began.
        local trace = answer.headers["traceparent"]
        if trace then txn.http:req_set_header("traceparent", trace[0]) end
        txn:set_var("txn.authz", "yes")
    elseif answer.status == 401 or answer.status == 403 then
        local reply = txn:reply { status = answer.status, body = answer.body }
        for _, name in ipairs(PASSED_ON) do
            if answer.headers[name] then reply:add_header(name, answer.headers[name][0]) end
        end
        txn:done(reply)
    end
end, 1)
