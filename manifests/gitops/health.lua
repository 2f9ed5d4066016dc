-- Health of rorqual.io/LLMService for Argo CD, from its kstatus conditions.
local health = { status = "Progressing", message = "Waiting for the operator" }
if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return health
end

local conditions = {}
for _, condition in ipairs(obj.status.conditions or {}) do
  conditions[condition.type] = condition
end

local function holds(name)
  return conditions[name] ~= nil and conditions[name].status == "True"
end

if holds("Paused") then
  return { status = "Suspended", message = conditions["Paused"].message }
end
if holds("Stalled") then
  return { status = "Degraded", message = conditions["Stalled"].message }
end
if holds("Reconciling") then
  return { status = "Progressing", message = conditions["Reconciling"].message }
end
if holds("Ready") then
  return { status = "Healthy", message = conditions["Ready"].message }
end
if conditions["Ready"] ~= nil then
  health.message = conditions["Ready"].message
end
return health
