// Short words for the rows of the table of annotations in this folder. Names only; any thread.
#pragma once

#include "config/annotations_table.h"

namespace narthex::config::tables {

using Fate = AnnotationFate;
using Group = AnnotationGroup;
using Kind = ValueKind;
using Risk = AnnotationRisk;

}  // namespace narthex::config::tables
