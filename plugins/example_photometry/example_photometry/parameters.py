"""
The pipelines' parameters as Django forms: page, API and command line are made from them.

A preset changes the defaults of a form; what the user sets differently from the form's own default
stays as it was set.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from astropy import units as u
from astropy.coordinates import Angle, EarthLocation
from django import forms

from example_photometry.catalogue import CatalogueSettings
from example_photometry.frames import Overrides
from example_photometry.settings import GivenStar, Settings

PRESETS: dict[str, tuple[str, dict[str, Any]]] = {
    "variable": ("Variable star", {}),
    "transit": (
        "Exoplanet transit",
        {"min_comparisons": 5, "outlier_sigma": 6.0},
    ),
    "supernova": (
        "Supernova",
        {
            "aperture": "fwhm",
            "aperture_radius": 1.0,
            "annulus_inner": 2.5,
            "annulus_outer": 4.5,
            "max_shift": 1.5,
            "outlier_sigma": 20.0,
        },
    ),
}
"""Name -> label and the defaults that differ."""

LIMITS = {"fwhm": (0.5, 5.0), "arcsec": (0.5, 60.0), "pixel": (1.0, 100.0)}
LARGEST_RING = {"fwhm": 20.0, "arcsec": 120.0, "pixel": 200.0}
UNITS = (("fwhm", "FWHM of the frame"), ("arcsec", "arcsec"), ("pixel", "pixel"))


def _choice(label: str, choices: Any, help_text: str = "") -> forms.ChoiceField:
    return forms.ChoiceField(
        choices=choices, initial=choices[0][0], required=False, label=label, help_text=help_text
    )


def _number(
    label: str, initial: float | None, low: float, high: float, help_text: str = ""
) -> forms.FloatField:
    return forms.FloatField(
        initial=initial, min_value=low, max_value=high, required=False, label=label,
        help_text=help_text,
    )  # fmt: skip


def _count(
    label: str, initial: int, low: int, high: int, help_text: str = ""
) -> forms.IntegerField:
    return forms.IntegerField(
        initial=initial, min_value=low, max_value=high, required=False, label=label,
        help_text=help_text,
    )  # fmt: skip


class Completed(forms.Form):
    """A form whose empty fields take their defaults."""

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = dict(super().clean() or self.cleaned_data)
        for name, form_field in self.fields.items():
            if name in given and given[name] in (None, "") and form_field.initial is not None:
                given[name] = form_field.initial
        return given


def check_radii(form: forms.Form, given: Mapping[str, Any], unit: str, radius: float) -> None:
    """Put errors on the fields whose radii make no sense together."""
    inner, outer = given.get("annulus_inner"), given.get("annulus_outer")
    low, high = LIMITS[unit]
    if not low <= radius <= high:
        form.add_error(
            "aperture_radius", f"In {unit} this has to lie between {low:g} and {high:g}."
        )
    if inner is None or outer is None:
        return
    if inner <= radius:
        form.add_error("annulus_inner", f"The ring has to begin outside the aperture ({radius:g}).")
    if outer <= inner:
        form.add_error("annulus_outer", f"This has to be larger than the inner radius ({inner:g}).")
    elif outer > LARGEST_RING[unit]:
        form.add_error("annulus_outer", f"In {unit} this can be {LARGEST_RING[unit]:g} at most.")


class SeriesParameters(Completed):
    """Parameters of a light curve; those after ``save_points`` are for special cases."""

    preset = _choice(
        "Made for", [(name, label) for name, (label, _) in PRESETS.items()],
        "Sets defaults that suit this kind of target; what you change below stays.",
    )  # fmt: skip
    aperture = _choice(
        "Aperture", [("auto", "automatic"), *UNITS],
        "Automatic tries several multiples of the seeing and takes the one with which stars as "
        "bright as the target scatter least. Else: the unit of the three radii.",
    )  # fmt: skip
    aperture_radius = _number(
        "Aperture radius", 1.5, 0.5, 100, "In the unit chosen above; ignored for automatic."
    )
    annulus_inner = _number(
        "Sky ring, inner radius", 4.0, 1, 200, "In the unit chosen above; FWHM for automatic."
    )
    annulus_outer = _number(
        "Sky ring, outer radius", 7.0, 1.5, 200,
        "In the unit chosen above; the ring needs 100 good pixels.",
    )  # fmt: skip
    filter = forms.CharField(
        required=False, max_length=40, label="Filter",
        help_text="Only frames of this filter. Empty: a light curve for each.",
    )  # fmt: skip
    zero_point = _choice(
        "Zero point",
        [
            ("differential", "differential"),
            ("comparison", "magnitudes of the comparison stars"),
            ("constant", "constant"),
        ],
        "Differential: relative to the mean of the comparison stars.",
    )
    save_points = forms.BooleanField(
        initial=True, required=False, label="Save points",
        help_text="Put the points on the target's Photometry tab.",
    )  # fmt: skip

    comparison_stars = forms.CharField(
        required=False, label="Comparison stars", widget=forms.Textarea(attrs={"rows": 4}),
        help_text="One on each line: RA Dec [magnitude], in degrees or 01:23:45.6 +12:34:56. "
        "Empty: chosen automatically.",
    )  # fmt: skip
    min_comparisons = _count(
        "Comparison stars, at least", 3, 1, 50, "With fewer the run stops and says why."
    )
    max_comparisons = _count("Comparison stars, at most", 60, 1, 200)
    comparison_max_separation = _number(
        "Comparison stars within (arcmin)", 0.0, 0, 120, "Of the target; 0: the whole frame."
    )
    background = _choice(
        "Sky", [("annulus", "ring around each star"), ("mesh", "map of the frame")],
        "A map is better in crowded fields without nebulosity.",
    )  # fmt: skip
    max_shift = _number(
        "Largest shift (arcsec or pixel)", 3.0, 0.5, 30,
        "How far a star may be from its coordinates; the larger of the two.",
    )  # fmt: skip
    cosmic_rays = _choice("Cosmic rays", [("flag", "find and flag"), ("off", "do not look")])
    outlier_sigma = _number(
        "Outliers from (sigma)", 5.0, 3, 20, "Points this far from their neighbours are flagged."
    )
    detrend = _choice(
        "Take out a trend", [("none", "none"), ("airmass", "linear in airmass")],
        "A real slow change is taken out with it.",
    )  # fmt: skip
    zero_point_value = _number(
        "Constant zero point (mag)", 25.0, 0, 40,
        "Magnitude of one count a second, for a constant zero point.",
    )  # fmt: skip
    date_obs_is = _choice(
        "DATE-OBS is the",
        [("start", "start of the exposure"), ("middle", "middle"), ("end", "end")],
    )
    exposure_override = _number("Exposure time (s)", None, 1e-4, 1e5, "Replaces the header's.")
    gain = _number("Gain (electron/count)", None, 1e-3, 1e3, "Replaces the header's.")
    read_noise = _number("Read noise (electron)", None, 1e-3, 1e3, "Replaces the header's.")
    saturation = _number("Saturation (count)", None, 1, 1e9, "Replaces the header's.")
    site_latitude = _number("Site latitude (deg north)", None, -90, 90, "When headers lack it.")
    site_longitude = _number("Site longitude (deg east)", None, -180, 180, "When headers lack it.")
    site_height = _number("Site height (m)", None, -100, 9000, "When headers lack it.")
    target_xy = forms.CharField(
        required=False, max_length=40, label="Target in the first frame (pixel)",
        help_text="x y, counted from 0. Only for frames without any sky coordinates (WCS).",
    )  # fmt: skip
    save_flagged = forms.BooleanField(
        initial=False, required=False, label="Save flagged points too",
        help_text="Saturated, blended, masked and edge points are wrong by an unknown amount.",
    )  # fmt: skip
    workers = _count("Processes", 1, 1, 64, "More than one pays for many large frames.")

    advanced = (
        "comparison_stars", "min_comparisons", "max_comparisons", "comparison_max_separation",
        "background", "max_shift", "cosmic_rays", "outlier_sigma", "detrend", "zero_point_value",
        "date_obs_is", "exposure_override", "gain", "read_noise", "saturation", "site_latitude",
        "site_longitude", "site_height", "target_xy", "save_flagged", "workers",
    )  # fmt: skip

    def clean_comparison_stars(self) -> str:
        text = str(self.cleaned_data["comparison_stars"] or "")
        read_stars(text)
        return text

    def clean_target_xy(self) -> str:
        text = str(self.cleaned_data["target_xy"] or "")
        read_xy(text)
        return text

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        for name, value in PRESETS[given.get("preset", "variable")][1].items():
            if given.get(name) == self.fields[name].initial:
                given[name] = value
        if "aperture" in given and given.get("aperture_radius") is not None:
            automatic = given["aperture"] == "auto"
            unit = "fwhm" if automatic else given["aperture"]
            check_radii(self, given, unit, 2.4 if automatic else given["aperture_radius"])
        if (given.get("site_latitude") is None) != (given.get("site_longitude") is None):
            self.add_error("site_longitude", "Latitude and longitude go together.")
        least, most = given.get("min_comparisons"), given.get("max_comparisons")
        if least and most and least > most:
            self.add_error("max_comparisons", f"This is less than the minimum ({least}).")
        if given.get("zero_point") == "comparison" and not any(
            star.mag is not None for star in read_stars(given.get("comparison_stars", ""))
        ):
            self.add_error(
                "comparison_stars", "This zero point needs stars with magnitudes: RA Dec magnitude."
            )
        return given


def read_stars(text: str) -> tuple[GivenStar, ...]:
    """
    Read lines of ``RA Dec [magnitude]``.

    Raises
    ------
    django.forms.ValidationError
        With the number of the first line that cannot be read.
    """
    stars: list[GivenStar] = []
    for number, line in enumerate(text.splitlines(), start=1):
        parts = re.split(r"[\s,;]+", line.partition("#")[0].strip())
        if parts == [""]:
            continue
        try:
            if len(parts) not in (2, 3):
                raise ValueError(f"{len(parts)} values")
            ra = float(Angle(parts[0], unit=u.hourangle if ":" in parts[0] else u.deg).deg)
            dec = float(Angle(parts[1], unit=u.deg).deg)
            mag = float(parts[2]) if len(parts) == 3 else None
            if not (0 <= ra < 360 and -90 <= dec <= 90 and (mag is None or math.isfinite(mag))):
                raise ValueError("out of range")
        except (ValueError, u.UnitsError):
            raise forms.ValidationError(
                f"Line {number}, '{line.strip()}', is not 'RA Dec [magnitude]'."
            ) from None
        stars.append(GivenStar(ra, dec, mag))
    if len(stars) > 200:
        raise forms.ValidationError(f"{len(stars)} stars; 200 are the most.")
    return tuple(stars)


def read_xy(text: str) -> tuple[float, float] | None:
    """
    Read ``x y``.

    Raises
    ------
    django.forms.ValidationError
        If the text is not empty and not two numbers.
    """
    if not text.strip():
        return None
    try:
        x, y = (float(part) for part in re.split(r"[\s,;]+", text.strip()))
    except ValueError:
        raise forms.ValidationError(f"'{text}' is not two numbers: x y.") from None
    return x, y


def series_settings(given: Mapping[str, Any]) -> Settings:
    """Settings from cleaned :class:`SeriesParameters`."""
    site = None
    if given["site_latitude"] is not None:
        site = EarthLocation.from_geodetic(
            given["site_longitude"], given["site_latitude"], given["site_height"] or 0.0
        )
    same = (
        "aperture", "aperture_radius", "annulus_inner", "annulus_outer", "background",
        "min_comparisons", "max_comparisons", "comparison_max_separation", "max_shift", "filter",
        "zero_point", "zero_point_value", "cosmic_rays", "outlier_sigma", "detrend",
    )  # fmt: skip
    return Settings(
        **{name: given[name] for name in same},
        comparison_stars=read_stars(given["comparison_stars"]),
        target_xy=read_xy(given["target_xy"]),
        overrides=Overrides(
            date_obs_is=given["date_obs_is"],
            exptime=given["exposure_override"],
            gain=given["gain"],
            read_noise=given["read_noise"],
            saturation=given["saturation"],
            site=site,
        ),
    )


class CatalogueParameters(Completed):
    """Parameters of a catalogue of one frame."""

    threshold = _number("Detection threshold (sigma)", 5.0, 1, 100, "Above the sky's noise.")
    aperture = _choice("Radii are in", UNITS)
    aperture_radius = _number("Aperture radius", 1.5, 0.5, 100, "In the unit chosen above.")
    zero_point_value = _number(
        "Zero point (mag)", 25.0, 0, 40, "Magnitude of a star that gives one count a second."
    )
    background = _choice(
        "Sky", [("mesh", "map of the frame"), ("annulus", "ring around each source")]
    )
    mesh = _count("Mesh of the sky map (pixel)", 64, 8, 1024)
    annulus_inner = _number("Sky ring, inner radius", 4.0, 1, 200, "In the unit chosen above.")
    annulus_outer = _number("Sky ring, outer radius", 7.0, 1.5, 200, "In the unit chosen above.")
    min_area = _count("Smallest source (pixel)", 5, 1, 1000)
    deblend = _number(
        "Deblending contrast", 0.005, 0, 1, "Smallest part of the light that is a source; 1: off."
    )
    save_points = forms.BooleanField(
        initial=False, required=False, label="Save the target's magnitude",
        help_text="Put it on the Photometry tab. It is as good as the zero point.",
    )  # fmt: skip

    advanced = ("background", "mesh", "annulus_inner", "annulus_outer", "min_area", "deblend")

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        if "aperture" in given and given.get("aperture_radius") is not None:
            check_radii(self, given, given["aperture"], given["aperture_radius"])
        return given


def catalogue_settings(given: Mapping[str, Any]) -> CatalogueSettings:
    """Settings from cleaned :class:`CatalogueParameters`."""
    return CatalogueSettings(
        **{name: given[name] for name in CatalogueParameters.base_fields if name != "save_points"}
    )
