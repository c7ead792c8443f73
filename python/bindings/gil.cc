#include "bindings/gil.h"

namespace bge::python {

WithoutGil::~WithoutGil() {
  OrSleep([this] { PyEval_RestoreThread(state_); });
}

WithGil::WithGil() : state_(OrSleep([] { return PyGILState_Ensure(); })) {}

}  // namespace bge::python
