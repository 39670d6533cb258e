"""
Load hook modules and call them, so that none can harm another or the caller.

Observers are called one by one and isolated; whoever may refuse something fails closed. pluggy's
own loader is not used: one module that cannot be imported would keep all others out.
"""

from __future__ import annotations

import difflib
import importlib
import logging
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING, Any

import pluggy
from django.core.signals import setting_changed

from tom_pipeline_core import conf, discovery, hookspecs
from tom_pipeline_core.exceptions import OutputError
from tom_pipeline_core.faults import Fault, check_id
from tom_pipeline_core.states import State

if TYPE_CHECKING:
    from django.http import HttpRequest

    from tom_pipeline_core.hookspecs import Panel, Submission
    from tom_pipeline_core.models import PipelineProcess
    from tom_pipeline_core.outputs import Output

logger = logging.getLogger(__name__)

WRAPPABLE = ("save_output",)
"""Hooks that pluggy itself calls, so that a new-style wrapper takes effect."""


@dataclass(frozen=True, kw_only=True)
class HookModule:
    """A module of hook implementations that was loaded."""

    distribution: str
    version: str
    name: str
    module: str
    hooks: tuple[str, ...]
    """Names of the hooks it implements."""

    @property
    def where(self) -> str:
        """The distribution and its version, for messages."""
        return f"{self.distribution} {self.version}"


class _Plugins:
    """The hook modules of this process."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(hookspecs.PROJECT)
        self.manager.add_hookspecs(hookspecs)
        self.modules: dict[str, HookModule] = {}
        self.faults: list[Fault] = []
        for line in discovery.discover().of(discovery.HOOKS):
            if line.state == "ok":
                self._load(line)

    def _load(self, line: discovery.Registration) -> None:
        try:
            module = importlib.import_module(line.target)
            problem = self._register(line, module)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a module may call sys.exit() or worse
            self._refuse(line, f"{type(error).__name__}: {error}", traceback.format_exc())
            return
        if problem:
            self._refuse(line, problem)

    def _register(self, line: discovery.Registration, module: Any) -> str:
        for name in dir(module):
            options = self.manager.parse_hookimpl_opts(module, name)
            if options is None:
                continue
            if options["hookwrapper"]:
                return f"{name} is an old-style hookwrapper; write wrapper=True"
            if options["wrapper"] and (options["specname"] or name) not in WRAPPABLE:
                return f"{name} is a wrapper, and only {', '.join(WRAPPABLE)} can be wrapped"
        self.manager.register(module, name=line.qualified_id)
        callers = self.manager.get_hookcallers(module) or []
        for caller in callers:
            if not caller.has_spec() and not all(
                impl.optionalhook for impl in caller.get_hookimpls() if impl.plugin is module
            ):
                self.faults.append(_unknown_hook(line, caller.name))
        self.modules[line.qualified_id] = HookModule(
            distribution=line.distribution,
            version=line.version,
            name=line.name,
            module=line.target,
            hooks=tuple(sorted(caller.name for caller in callers if caller.has_spec())),
        )
        return ""

    def _refuse(self, line: discovery.Registration, problem: str, trace: str = "") -> None:
        self.faults.append(
            Fault(
                id=check_id("E030"),
                what=(
                    f"The hooks of {line.where} ({line.target}) are not used: {problem.strip()}."
                ),
                where=line.where,
                hint=f"Report it to the authors of {line.distribution}, or install another version.",
                subject=line.name,
                traceback=trace,
            )
        )


def _unknown_hook(line: discovery.Registration, name: str) -> Fault:
    near = difflib.get_close_matches(name, hook_names(), n=1)
    return Fault(
        id=check_id("E031"),
        what=(
            f"{line.where} ({line.target}) implements {name}, which is no hook; it is never called."
        ),
        where=line.where,
        hint=(
            (f"Did they mean {near[0]}? " if near else "")
            + "If it belongs to a newer core, its authors can say hookimpl(optionalhook=True)."
        ),
        subject=line.name,
    )


@dataclass
class Failures:
    """How often an implementation raised in this process."""

    count: int = 0
    message: str = ""
    traceback: str = ""


_lock = RLock()
_plugins: _Plugins | None = None
_failures: dict[tuple[str, str], Failures] = {}
"""By plugin and hook."""


def hook_names() -> list[str]:
    """Return the names of all hooks."""
    return [name for name in dir(hookspecs) if hasattr(getattr(hookspecs, name), _SPEC_MARK)]


_SPEC_MARK = f"{hookspecs.PROJECT}_spec"


def modules() -> list[HookModule]:
    """Return the hook modules in use; imports them."""
    return list(_loaded().modules.values())


def faults() -> list[Fault]:
    """Return what is wrong with hook modules, as far as they were loaded in this process."""
    found = list(_plugins.faults) if _plugins is not None else []
    for (plugin, hook), failures in sorted(_failures.items()):
        found.append(
            Fault(
                id=check_id("W032"),
                what=(
                    f"{hook} of {_where(plugin)} raised {failures.count} times in this process, "
                    f"last {failures.message}"
                ),
                where=_where(plugin),
                hint="Report it to its authors; TOM_PIPELINES['DENY'] switches the plugin off.",
                subject=plugin,
                traceback=failures.traceback,
            )
        )
    return found


def load() -> None:
    """Import the hook modules now instead of at the first call."""
    _loaded()


def clear_cache() -> None:
    """Forget hook modules and their failures; they are looked up again at the next call."""
    global _plugins  # noqa: PLW0603 - one set of plugins a process
    with _lock:
        _plugins = None
        _failures.clear()


def _loaded() -> _Plugins:
    global _plugins  # noqa: PLW0603 - one set of plugins a process
    with _lock:
        if _plugins is None:
            _plugins = _Plugins()
        return _plugins


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == "TOM_PIPELINES":
        clear_cache()


setting_changed.connect(_forget, dispatch_uid="tom_pipeline_core.hooks")


# How the hooks are called.


def registered_pipelines() -> list[tuple[HookModule, str, str]]:
    """Return what ``register_pipelines`` adds: who, name, target."""
    found = []
    for plugin, result in _each("register_pipelines", _as_dict):
        found += [(plugin, str(name), str(target)) for name, target in result.items()]
    return found


def objections(submission: Submission) -> list[str]:
    """Return why plugins refuse a submission; a plugin that fails refuses."""
    reasons: list[str] = []

    def failed(plugin: HookModule, error: Exception) -> None:
        reasons.append(
            f"The plugin {plugin.where} could not check the submission and so refuses it: {error}"
        )

    for _, result in _each("validate_submission", _as_texts, failed, submission=submission):
        reasons += result
    return reasons


def executor_for(submission: Submission) -> str | None:
    """Return the executor that the first plugin with an opinion chooses."""
    for _, result in _each("choose_executor", submission=submission):
        return str(result)
    return None


def tell_of_move(*, pk: int, old: State | None, new: State, **kwargs: Any) -> None:
    """Tell plugins that a process moved; a receiver of ``process_moved``, sent after the commit."""
    from tom_pipeline_core.models import PipelineProcess  # the registry loads before the apps do

    observers = is_implemented("process_state_changed")
    succeeded = new is State.SUCCEEDED and is_implemented("outputs_saved")
    if not (observers or succeeded):
        return
    process = PipelineProcess.objects.filter(pk=pk).first()
    if process is None:
        return
    if observers:
        _tell("process_state_changed", process=process, old=old, new=new)
    if succeeded:
        _tell("outputs_saved", process=process, outputs=list(process.outputs.all()))


def is_implemented(hook: str) -> bool:
    """Whether any plugin implements a hook."""
    return bool(getattr(_loaded().manager.hook, hook).get_hookimpls())


def save_output(process: PipelineProcess, output: Output) -> object | None:
    """
    Let plugins save an output.

    Raises
    ------
    OutputError
        If a plugin raised; the text names it.
    """
    plugins = _loaded()
    try:
        saved: object | None = plugins.manager.hook.save_output(process=process, output=output)
    except Exception as error:
        culprit = _culprit(plugins, error)
        raise OutputError(
            f"The plugin {culprit.where if culprit else '(unknown)'} could not save "
            f"{type(output).__name__}: {error}"
        ) from error
    return saved


def panels(
    process: PipelineProcess, request: HttpRequest
) -> Iterator[tuple[HookModule, Panel | Exception]]:
    """Yield plugins' panels for the page of a process, or what went wrong instead."""
    broken: list[tuple[HookModule, Exception]] = []
    found = [
        (panel.order, plugin, panel)
        for plugin, result in _each(
            "process_panels",
            list,
            lambda plugin, error: broken.append((plugin, error)),
            process=process,
            request=request,
        )
        for panel in result
    ]
    for _, plugin, panel in sorted(found, key=lambda item: item[0]):
        yield plugin, panel
    yield from broken


def _as_dict(result: Any) -> dict[str, str]:
    return dict(result)


def _as_texts(result: Any) -> list[str]:
    if isinstance(result, str):  # a natural slip, and a list of its letters helps nobody
        return [result]
    return [str(text) for text in result]


def _tell(hook: str, **arguments: Any) -> None:
    for _ in _each(hook, **arguments):
        pass


def _each(
    hook: str,
    convert: Callable[[Any], Any] = lambda result: result,
    failed: Callable[[HookModule, Exception], object] = lambda plugin, error: None,
    **arguments: Any,
) -> Iterator[tuple[HookModule, Any]]:
    """Call the implementations one at a time; yield every result that is not None."""
    plugins = _loaded()
    trace = conf.get().trace
    for implementation in reversed(getattr(plugins.manager.hook, hook).get_hookimpls()):
        plugin = plugins.modules[implementation.plugin_name]
        started = time.perf_counter()
        try:
            result = implementation.function(
                *(arguments[name] for name in implementation.argnames),
                **{
                    name: arguments[name] for name in implementation.kwargnames if name in arguments
                },
            )
            result = None if result is None else convert(result)
        except Exception as error:
            _count(implementation.plugin_name, hook, error)
            logger.exception("The hook %s of %s raised", hook, plugin.where)
            failed(plugin, error)
            continue
        finally:
            if trace:
                spent = (time.perf_counter() - started) * 1000
                logger.info("hook %s of %s: %.1f ms", hook, plugin.where, spent)
        if result is not None:
            yield plugin, result


def _count(plugin: str, hook: str, error: Exception) -> None:
    failures = _failures.setdefault((plugin, hook), Failures())
    failures.count += 1
    failures.message = f"{type(error).__name__}: {error}"
    failures.traceback = traceback.format_exc()


def _where(plugin: str) -> str:
    known = _plugins.modules.get(plugin) if _plugins is not None else None
    return known.where if known is not None else plugin


def _culprit(plugins: _Plugins, error: Exception) -> HookModule | None:
    """Return the plugin whose code raised, the innermost one."""
    by_module = {plugin.module: plugin for plugin in plugins.modules.values()}
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    for frame in reversed(frames):
        if found := by_module.get(frame.f_globals.get("__name__", "")):
            return found
    return None
