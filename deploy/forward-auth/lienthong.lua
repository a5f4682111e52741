-- Asks Liên Thông about one request; what it answered stands in txn.lt_*.
-- Nothing is set where nobody answers, and the frontend lets nothing through without a 200.

local gate = os.getenv("LIENTHONG_GATE")
local host = os.getenv("LIENTHONG_HOST")
local told = {
  "x-lienthong-identity",
  "x-lienthong-identity-2",
  "x-auth-user",
  "x-auth-name",
  "x-auth-email",
}

local function all_of(headers, name)
  local found = {}
  for _, value in pairs(headers[name] or {}) do
    found[#found + 1] = value
  end
  return found
end

core.register_action("lienthong_ask", { "http-req" }, function(txn)
  local headers = {
    ["x-forwarded-host"] = { host },
    ["x-forwarded-uri"] = { txn.sf:pathq() },
    ["x-forwarded-method"] = { txn.sf:method() },
    ["x-forwarded-for"] = { txn.sf:src() },
  }
  local cookies = all_of(txn.http:req_get_headers(), "cookie")
  if #cookies > 0 then
    headers["cookie"] = cookies
  end
  local answer = core.httpclient():get({ url = gate, headers = headers, timeout = 5000 })
  txn:set_var("txn.lt_status", answer.status or 0)
  if answer.status == 401 then
    txn:set_var("txn.lt_location", all_of(answer.headers, "location")[1] or "")
  end
  if answer.status == 200 then
    for _, name in ipairs(told) do
      local value = all_of(answer.headers, name)[1] or ""
      txn:set_var("txn.lt_" .. name:gsub("-", "_"), value)
    end
  end
end)
