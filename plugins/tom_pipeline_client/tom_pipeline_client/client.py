"""The client, and the processes it knows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from tom_pipeline_client import calls, downloads, show
from tom_pipeline_client.calls import Call
from tom_pipeline_client.errors import NotFound, ProcessFailed, Unreachable, raise_for_problem
from tom_pipeline_client.progress import watching
from tom_pipeline_client.records import LogLine, Pipeline, ProcessRecord
from tom_pipeline_client.tables import photometry_table

TIMEOUT = 30.0
TRIES = 6


class Client:
    """
    A TOM whose pipelines are run.

    Parameters
    ----------
    url : str
        Of the TOM, such as ``https://tom.example.org``.
    token : str
        Of your profile page there.
    timeout : float
        Seconds to wait for an answer.
    tries : int
        How often a request is sent that gets no answer.
    transport : httpx.BaseTransport, optional
        For proxies and the like.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout: float = TIMEOUT,
        tries: int = TRIES,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = calls.api_root(url)
        self.tries = tries
        self._http = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Token {token}", "Accept": "application/json"},
            timeout=timeout,
            transport=transport,
            follow_redirects=False,  # the token goes nowhere else
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # -- asking -------------------------------------------------------------------------------

    def send(self, call: Call) -> httpx.Response:
        """
        Send a request, again where that is safe and no answer came.

        Raises
        ------
        ApiError
            What the site says.
        Unreachable
            If it does not answer.
        """
        for attempt in range(1, self.tries + 1):
            response: httpx.Response | None = None
            try:
                response = self._http.request(
                    call.method,
                    call.path,
                    params=call.params,
                    json=call.json,
                    headers=dict(call.headers),
                )
            except httpx.TransportError as error:
                if attempt == self.tries or not call.repeatable:
                    raise Unreachable(f"{self.url} does not answer: {error!r}") from error
            if response is not None and (
                response.status_code not in calls.AGAIN or attempt == self.tries
            ):
                raise_for_problem(response)
                return response
            time.sleep(calls.pause_before_retry(attempt, response))
        raise Unreachable(f"{self.url} was not asked: tries is {self.tries}")

    def _rows(self, call: Call) -> Iterator[dict[str, Any]]:
        page: Call | None = call
        while page is not None:
            body = self.send(page).json()
            yield from body["results"]
            page = calls.next_page(page, body)

    # -- what the site has --------------------------------------------------------------------

    def pipelines(self) -> list[Pipeline]:
        """List the pipelines that may be chosen."""
        return [Pipeline.read(row) for row in self.send(calls.get("available/")).json()]

    def pipeline(self, name: str) -> Pipeline:
        """Return a pipeline with the JSON Schema of its parameters."""
        return Pipeline.read(self.send(calls.get(f"available/{calls.quoted(name)}/")).json())

    def target(self, name: str) -> int:
        """
        Return the number of a target.

        Raises
        ------
        NotFound
            If you see none of that name or alias, or several.
        """
        found = list(self._rows(calls.pages("targets/", name=name)))
        if len(found) != 1:
            raise NotFound(calls.not_one_target(name, found), status=404)
        return int(found[0]["id"])

    def inputs(self, target: int | str, **conditions: Any) -> Iterator[dict[str, Any]]:
        """
        List the files of a target.

        Parameters
        ----------
        target : int or str
            Number or name.
        **conditions
            ``name`` (with ``*``), ``type``, ``band``, ``instrument``, ``group``; ``pipeline`` adds
            why it refuses a file.
        """
        return self._rows(calls.pages("inputs/", target=self._number(target), **conditions))

    def processes(self, **filters: Any) -> Iterator[Process]:
        """
        List processes, newest first.

        Parameters
        ----------
        **filters
            ``state`` (one or a list), ``target``, ``pipeline``, ``user`` (``"me"``),
            ``created_after``, ``created_before``, ``ordering``.
        """
        for row in self._rows(calls.pages("processes/", **filters)):
            yield Process(self, row)

    def process(self, pk: int) -> Process:
        """Return a process."""
        return Process(self, self.send(calls.get(f"processes/{int(pk)}/")).json())

    # -- running ------------------------------------------------------------------------------

    def check(
        self,
        pipeline: str,
        *,
        target: int | str,
        products: Sequence[int] | None = None,
        match: Mapping[str, str] | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return whether a submission would be accepted, and why not; nothing is made."""
        call = calls.check(pipeline, self._number(target), products, match, parameters)
        return dict(self.send(call).json())

    def submit(
        self,
        pipeline: str,
        *,
        target: int | str,
        products: Sequence[int] | None = None,
        match: Mapping[str, str] | None = None,
        parameters: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Process:
        """
        Submit a process.

        Parameters
        ----------
        pipeline : str
            Name as shown, or qualified.
        target : int or str
            Number or name.
        products : sequence of int, optional
            Data products.
        match : mapping, optional
            Instead of ``products``: all files of the target that match, such as
            ``{"name": "*.fits", "band": "r"}``.
        parameters : mapping, optional
            By name; absent ones take their defaults.
        key : str, optional
            The same key never makes a second process; a new one is made if none is given.

        Raises
        ------
        Refused
            With messages per field.
        """
        call = calls.submit(pipeline, self._number(target), products, match, parameters, key)
        return Process(self, self.send(call).json())

    def _number(self, target: int | str) -> int:
        return target if isinstance(target, int) else self.target(target)


class Process(ProcessRecord):
    """A process on the site."""

    def __init__(self, client: Client, data: Mapping[str, Any]) -> None:
        super().__init__(data)
        self._client = client
        self._tag = ""
        self._outputs: list[Output] | None = None

    @property
    def _path(self) -> str:
        return f"processes/{self.id}/"

    def refresh(self) -> bool:
        """Ask for news; returns whether there were any."""
        response = self._client.send(calls.get(self._path, tag=self._tag))
        if response.status_code == httpx.codes.NOT_MODIFIED:
            return False
        self._tag = response.headers.get("ETag", "")
        self.data = response.json()
        return True

    def wait(
        self, *, progress: bool = False, timeout: float | None = None, check: bool = True
    ) -> Process:
        """
        Wait until the process has ended.

        Parameters
        ----------
        progress : bool
            Show a bar (or lines, without rich).
        timeout : float, optional
            Seconds; the process goes on when they are over.
        check : bool
            Raise if it does not succeed.

        Raises
        ------
        ProcessFailed
            If it failed or was cancelled.
        TimeoutError
            If it has not ended in time.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        quiet = 0
        with watching(progress) as shown:
            shown(self)
            while not self.ended:
                pause = calls.poll_pause(quiet)
                if deadline is not None:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        raise TimeoutError(f"{self!r} has not ended after {timeout:g} seconds.")
                    pause = min(pause, left)
                time.sleep(pause)
                quiet = 0 if self.refresh() else quiet + 1
                shown(self)
        if check and self.state != "succeeded":
            raise ProcessFailed(self)
        return self

    def log(self, after: int = 0) -> Iterator[LogLine]:
        """Read the log as far as it goes, from behind line ``after``."""
        more = True
        while more:
            part = self._client.send(calls.get(f"{self._path}log/", after=after)).json()
            yield from (LogLine.read(line) for line in part["lines"])
            after, more = part["after"], part["more"]

    def follow(self) -> Iterator[LogLine]:
        """Read the log until the process has ended."""
        after, quiet, tag = 0, 0, ""
        while True:
            response = self._client.send(calls.get(f"{self._path}log/", tag=tag, after=after))
            if response.status_code != httpx.codes.NOT_MODIFIED:
                part = response.json()
                yield from (LogLine.read(line) for line in part["lines"])
                if part["ended"] and not part["more"]:
                    break
                moved = part["after"] != after
                after, tag = part["after"], "" if moved else response.headers.get("ETag", "")
                if moved:
                    quiet = 0
                    continue
            time.sleep(calls.poll_pause(quiet))
            quiet += 1
        self.refresh()

    def cancel(self) -> None:
        """
        Cancel it.

        Raises
        ------
        Conflict
            If it has ended.
        """
        self.data = self._client.send(calls.cancel(self.id)).json()
        self._tag = ""

    def run_again(self, *, key: str | None = None, **changes: Any) -> Process:
        """Run the same again; ``changes`` are parameters, None for a default."""
        call = calls.run_again(self.id, changes, key)
        return Process(self._client, self._client.send(call).json())

    # -- results ------------------------------------------------------------------------------

    @property
    def outputs(self) -> list[Output]:
        """What it saved; asked for once after the end."""
        if self._outputs is None or not self.ended:
            rows = self._client.send(calls.get(f"{self._path}outputs/")).json()
            self._outputs = [Output(self._client, self.id, row) for row in rows]
        return self._outputs

    def download_all(self, folder: str | Path = ".") -> list[Path]:
        """Download every file into a folder, which is made."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        return [output.download(folder) for output in self.outputs if output.downloadable]

    def photometry(self) -> Any:
        """Return the points it saved as an astropy table; as dictionaries without astropy."""
        return photometry_table(list(self._part("photometry")))

    def inputs(self) -> list[dict[str, Any]]:
        """List the files it was given, and what became of each."""
        return list(self._part("inputs"))

    def history(self) -> list[dict[str, Any]]:
        """List moves, steps and requests, with who and by which way."""
        return list(self._part("events"))

    def measurements(self) -> list[dict[str, Any]]:
        """List the quality numbers."""
        return list(self._part("measurements"))

    def _part(self, name: str) -> Iterator[dict[str, Any]]:
        return self._client._rows(calls.pages(f"{self._path}{name}/"))

    def _repr_html_(self) -> str:
        self.refresh()
        steps = [event for event in self.history() if event["kind"] == "status"]
        lines = [line.text for line in self.log()][-show.LINES :]
        pictures = [
            output.content()
            for output in self.outputs
            if output.name.lower().endswith(".png") and output.downloadable
        ][: show.THUMBNAILS]
        return show.process_html(self, steps, lines, pictures)


class Output:
    """Something that a process saved."""

    def __init__(self, client: Client, process_id: int, data: Mapping[str, Any]) -> None:
        self._client = client
        self.process_id = process_id
        self.data = dict(data)

    @property
    def id(self) -> int:
        return int(self.data["id"])

    @property
    def name(self) -> str:
        return str(self.data["name"])

    @property
    def kind(self) -> str:
        """``file``, ``plot``, ``photometry``, ``spectrum`` or ``other``."""
        return str(self.data["kind"])

    @property
    def size(self) -> int | None:
        """Bytes."""
        size = self.data["size"]
        return None if size is None else int(size)

    @property
    def downloadable(self) -> bool:
        """Whether it is a file that is still there."""
        return self.data["download"] is not None

    @property
    def _path(self) -> str:
        return f"processes/{self.process_id}/outputs/{self.id}/download/"

    def download(self, path: str | Path | None = None) -> Path:
        """
        Download the file, in pieces; one that broke off is gone on with.

        Parameters
        ----------
        path : path, optional
            A file or a folder; without it, the output's name in the current folder.

        Raises
        ------
        DownloadError
            If what arrived is not what the process saved.
        """
        partial = downloads.PartialFile(downloads.destination(path, self.name), self.data)
        for attempt in range(1, self._client.tries + 1):
            try:
                self._receive(partial)
                return partial.finish()
            except httpx.TransportError as error:
                if attempt == self._client.tries:
                    raise Unreachable(f"The download broke off: {error!r}") from error
                time.sleep(calls.pause_before_retry(attempt, None))
        raise Unreachable(f"{self.name} was not asked for: tries is {self._client.tries}")

    def _receive(self, partial: downloads.PartialFile) -> None:
        headers = {**partial.headers(), "Accept": "*/*", "Accept-Encoding": "identity"}
        with self._client._http.stream("GET", self._path, headers=headers) as response:
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # all of it had arrived
            if response.status_code >= httpx.codes.BAD_REQUEST:
                response.read()
                raise_for_problem(response)
            with partial.open(response.status_code) as stream:
                for chunk in response.iter_raw():
                    stream.write(chunk)

    def content(self) -> bytes:
        """Return the whole file."""
        call = Call("GET", self._path, headers={"Accept": "*/*"})
        return bytes(self._client.send(call).content)

    def __repr__(self) -> str:
        return f"<Output {self.id}: {self.kind} {self.name}>"
