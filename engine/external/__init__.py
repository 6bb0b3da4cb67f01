"""Jobs done by workers elsewhere, in any language: they fetch them under a lease, and say what became of them."""
