"""Forms, whichever way a diagram gives them: described alike, and what was typed checked alike."""

from engine.forms.checking import check_form
from engine.forms.description import Choice, FieldDescription, FieldType, FormDescription

__all__ = ["Choice", "FieldDescription", "FieldType", "FormDescription", "check_form"]
