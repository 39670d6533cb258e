"""Forms by which old pages and front ends choose data products."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from tom_dataproducts.models import DataProduct


class DataProductSelectionForm(forms.Form):
    """
    A checkbox for each data product, named by its primary key.

    Parameters
    ----------
    products : iterable of DataProduct
        What can be chosen.
    """

    def __init__(self, *args: Any, products: Iterable[DataProduct], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._products = {str(product.pk): product for product in products}
        self.product_pks = set(self._products)
        for key, product in self._products.items():
            self.fields[key] = forms.BooleanField(
                required=False, label=str(product.data or product)
            )

    def clean(self) -> dict[str, Any]:
        """Refuse an empty selection."""
        if not any(self.cleaned_data.get(key) for key in self.product_pks):
            raise ValidationError("No data product selected")
        return self.cleaned_data

    def get_selected_products(self) -> set[DataProduct]:
        """Return the products that were chosen."""
        return {product for key, product in self._products.items() if self.cleaned_data.get(key)}


class DataProductActionForm(DataProductSelectionForm):
    """
    Data products of a target, and what to do with them.

    Parameters
    ----------
    target : Target
        Whose data products can be chosen.
    products : iterable of DataProduct, optional
        Fewer of them, such as those that a user may see.
    """

    action = forms.CharField(required=True)

    def __init__(
        self,
        *args: Any,
        target: Any,
        products: Iterable[DataProduct] | None = None,
        **kwargs: Any,
    ) -> None:
        if products is None:
            products = target.dataproduct_set.all()
        super().__init__(*args, products=products, **kwargs)
