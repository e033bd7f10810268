-- A Rollout follows kstatus: observedGeneration, and the conditions Ready, Reconciling and Stalled.
local health = { status = "Progressing", message = "The operator has not looked at this Rollout yet" }

if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return health
end

local ready = nil
for _, condition in ipairs(obj.status.conditions or {}) do
  if condition.type == "Stalled" and condition.status == "True" then
    return { status = "Degraded", message = condition.message }
  end
  if condition.type == "Ready" then
    ready = condition
  end
end

if ready == nil then
  return health
end

health.message = ready.message
if ready.reason == "Paused" or ready.reason == "Suspended" then
  health.status = "Suspended"
elseif ready.status == "True" then
  health.status = "Healthy"
elseif obj.status.step ~= nil and obj.status.weight ~= nil then
  health.message = "Step " .. obj.status.step .. " at " .. obj.status.weight .. " %: " .. ready.message
end
return health
