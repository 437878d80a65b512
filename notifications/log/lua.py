"""Lua that several of the scripts for Redis begin with."""

# Defines `later(a, b)`: whether one cursor comes after another. They are compared as
# text, since Lua's numbers are inexact.
LATER = """
local function later(a, b)
    local ams, aseq = string.match(a, '(%d+)-(%d+)')
    local bms, bseq = string.match(b, '(%d+)-(%d+)')
    if ams == bms then ams, bms = aseq, bseq end
    return #ams > #bms or (#ams == #bms and ams > bms)
end
"""
