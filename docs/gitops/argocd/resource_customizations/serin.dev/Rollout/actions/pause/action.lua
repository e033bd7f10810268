-- A request is an annotation; its value is the time of asking, and a value that was seen before asks for nothing.
local os = require("os")
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["serin.dev/pause-requested"] = os.date("!%Y-%m-%dT%XZ")
return obj
