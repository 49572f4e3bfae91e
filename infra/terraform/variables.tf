variable "project" {
  description = "Id of the Google Cloud project; GOOGLE_CLOUD_PROJECT with make."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project must be a project's id: 6 to 30 lower-case letters, digits and dashes."
  }
}

variable "region" {
  description = "Where everything is; GOOGLE_CLOUD_REGION with make. The same as --region of infra.vertex."
  type        = string
  default     = "us-central1"

  validation {
    condition     = can(regex("^[a-z]+(-[a-z]+)+[0-9]+$", var.region))
    error_message = "region must be one such as us-central1."
  }
}

variable "bucket" {
  description = "Name of the bucket for data, runs and models; empty: <project>-bertline, as --bucket of infra.vertex."
  type        = string
  default     = ""

  validation {
    condition     = var.bucket == "" || can(regex("^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket must be a bucket's name without gs://: 3 to 63 lower-case letters, digits, dashes and dots."
  }
}

variable "force_destroy" {
  description = "Whether destroy deletes the bucket with all that is in it; otherwise it must be empty."
  type        = bool
  default     = false
}

variable "models" {
  description = "Models that get an endpoint, by the name that make deploy gives them."
  type        = set(string)
  default     = ["sentiment", "qa"]

  validation {
    condition     = alltrue([for name in var.models : can(regex("^[a-z]([a-z0-9-]{0,48}[a-z0-9])?$", name))])
    error_message = "models must be names of at most 50 lower-case letters, digits and dashes."
  }
}

variable "image_writers" {
  description = "Who may push images besides the project's owners, such as user:a@example.com."
  type        = set(string)
  default     = []
}

variable "deployers" {
  description = "Who may act as the deployer account, such as group:ml@example.com."
  type        = set(string)
  default     = []
}

variable "kubernetes" {
  description = "Whether there is a GKE cluster; it costs money from its first minute on."
  type        = bool
  default     = false
}

variable "kubernetes_location" {
  description = "Region or zone of the cluster; empty: the region, with nodes in its zones."
  type        = string
  default     = ""
}

variable "network" {
  description = "VPC network of the cluster."
  type        = string
  default     = "default"
}

variable "subnetwork" {
  description = "Subnetwork of the cluster, in the region."
  type        = string
  default     = "default"
}

variable "authorized_networks" {
  description = "Name to CIDR range of those who reach the cluster's API; empty: everybody who has credentials."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for range in values(var.authorized_networks) : can(cidrhost(range, 0))])
    error_message = "authorized_networks must be ranges such as 203.0.113.0/24."
  }
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to destroy the cluster."
  type        = bool
  default     = false
}

variable "cpu_machine_type" {
  description = "Nodes for serving; n2 has AVX-512, which the graphs' matrix products use."
  type        = string
  default     = "n2-standard-8"
}

variable "cpu_max_nodes" {
  description = "Nodes for serving at most, in all zones together; at least one for each zone of the location."
  type        = number
  default     = 4

  validation {
    condition     = var.cpu_max_nodes >= 1
    error_message = "cpu_max_nodes must be 1 or more."
  }
}

variable "gpu_pool" {
  description = "Whether the cluster has nodes with a GPU, for the overlay gpu and for training."
  type        = bool
  default     = false
}

variable "gpu_machine_type" {
  description = "Nodes with a GPU; the type must fit gpu_type."
  type        = string
  default     = "g2-standard-8"
}

variable "gpu_type" {
  description = "Kind of GPU, as Compute Engine names it; one for each node."
  type        = string
  default     = "nvidia-l4"
}

variable "gpu_max_nodes" {
  description = "Nodes with a GPU at most; there is none while no pod asks for one."
  type        = number
  default     = 3

  validation {
    condition     = var.gpu_max_nodes >= 1
    error_message = "gpu_max_nodes must be 1 or more; gpu_pool = false leaves them out."
  }
}
