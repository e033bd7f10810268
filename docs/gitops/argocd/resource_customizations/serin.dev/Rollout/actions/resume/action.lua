-- A pause lasts as long as its annotation.
if obj.metadata.annotations ~= nil then
  obj.metadata.annotations["serin.dev/pause-requested"] = nil
end
return obj
