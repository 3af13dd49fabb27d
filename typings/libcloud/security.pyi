# SPDX-License-Identifier: Apache-2.0
CA_CERTS_PATH: str | None
