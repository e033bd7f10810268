-- What a person can ask of a release at the moment.
local release = nil
local isRejected = false
local isPaused = false

if obj.status ~= nil then
  release = obj.status.release
  for _, condition in ipairs(obj.status.conditions or {}) do
    if condition.type == "Stalled" and condition.status == "True" then
      isRejected = condition.reason == "RolledBack" or condition.reason == "TemplateMutated"
    end
  end
end

if obj.metadata.annotations ~= nil then
  isPaused = obj.metadata.annotations["serin.dev/pause-requested"] ~= nil
end

local isOpen = release ~= nil and release.decision == nil
local isSuspended = obj.spec ~= nil and obj.spec.suspend == true

return {
  promote = { disabled = not isOpen },
  abort = { disabled = not isOpen },
  retry = { disabled = not isRejected or isSuspended },
  pause = { disabled = isPaused },
  resume = { disabled = not isPaused },
}
