"""Joins decision models that import one another (DMN 1.5, 6.3.3). An import's name stands for what the other model
has, as in `Rates.Interest`; only what is drawn as required is seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from bpmn.dmn.model import DecisionModel, Import, ItemDefinition
from bpmn.model import Finding


def link(models: Iterable[DecisionModel]) -> tuple[dict[str, DecisionModel], list[Finding]]:
    """The models by file, each with those that it imports; what is wrong with the imports and, in models that have
    some, with the expressions."""
    linking = _Linking(models)
    return {file: linking.linked(file, ()) for file in linking.models}, sorted(linking.findings)


def imported_types(imports: Mapping[str, Mapping[str, ItemDefinition]]) -> dict[str, ItemDefinition]:
    """The types of imported models, by the import's name, as the importing model calls them: 'Rates.tRate'."""
    return {
        f"{name}.{key}" if name else key: _renamed(item, name, types)
        for name, types in imports.items()
        for key, item in types.items()
    }


def _renamed(item: ItemDefinition, name: str, types: Mapping[str, ItemDefinition]) -> ItemDefinition:
    base = f"{name}.{item.base}" if name and item.base in types else item.base
    return replace(item, base=base, components=tuple(_renamed(part, name, types) for part in item.components))


class _Linking:
    def __init__(self, models: Iterable[DecisionModel]) -> None:
        self.models = {model.file: model for model in models}
        self.findings: set[Finding] = set()
        self._linked: dict[str, DecisionModel] = {}

    def linked(self, file: str, around: tuple[str, ...]) -> DecisionModel:
        """*around*: the files that import this one, outermost first."""
        model = self.models[file]
        if not model.imports or file in self._linked:
            return self._linked.get(file, model)
        imported: dict[str, DecisionModel] = {}
        for each in model.imports:
            others = [other.file for other in self.models.values() if other.namespace == each.namespace]
            if problem := _problem(each, others, (*around, file)):
                self.findings.add(Finding(file, each.line, "dmn-import", problem))
            else:
                imported[each.namespace] = self.linked(others[0], (*around, file))
        found = self._linked[file] = replace(model, imported=imported, _program=[])
        if len(imported) == len(model.imports):  # or else every use of what is missing would be told, too
            self.findings.update(found.program.findings())
        return found


def _problem(each: Import, files: list[str], around: tuple[str, ...]) -> str:
    said = f"The import '{each.name}' ({each.namespace})"
    if not files:
        return f"{said} is in no file of this deployment. Deploy the file that has this namespace along with it."
    if len(files) > 1:
        return f"{said} is in several files: {', '.join(files)}. Give each its own namespace."
    if files[0] in around:
        return f"{said} leads back to this model: {' imports '.join((*around, files[0]))}. Break the circle."
    return ""
